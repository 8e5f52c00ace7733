//! Outgoing video streams that have carried nothing yet.
//!
//! str0m fills the path to its floor with padding on any video stream there is, so a call of voices alone would pay for
//! a picture it never shows. Announced streams are therefore made only with their first packet. Later they stay: the
//! repair stream's count must not begin anew under the same keys (RFC 3711 §9.1).

use std::time::Duration;

use str0m::media::Mid;
use str0m::rtp::Ssrc;
use str0m::Rtc;

/// What of a picture can be sent again, at most: a second of 5 Mbit/s.
const REPAIR_PACKETS: usize = 600;
/// A peer asks for a packet at once and again after each round trip. Three times within this age on most paths; on a long
/// one packets are kept longer. What is kept is the largest part of a leg's memory (docs/decisions/0006).
const REPAIR_AGE: Duration = Duration::from_millis(400);
const LONG_REPAIR_AGE: Duration = Duration::from_secs(1);
const LONG_ROUND_TRIP: Duration = Duration::from_millis(100);
/// At most so much of what is sent within a second is repair; beyond it requests are forgotten. A stream begins with one
/// key frame of a few packets, of which two may be lost.
const REPAIR_SHARE: Option<f32> = Some(0.4);

/// The SSRCs announced for a line, media and repair.
#[derive(Debug, Clone, Copy)]
struct Announced {
    mid: Mid,
    ssrc: Ssrc,
    repair: Option<Ssrc>,
}

#[derive(Debug, Default)]
pub(crate) struct Sleeping {
    asleep: Vec<Announced>,
    /// Lines whose stream was made, and whether it repairs for long.
    awake: Vec<(Mid, bool)>,
}

impl Sleeping {
    /// Make the streams of these lines for the answer to announce: str0m leaves out those of a line whose peer sends
    /// layers (its own list of layers to send is empty). True if one was missing.
    pub fn announce(&mut self, rtc: &mut Rtc, lines: &[Mid]) -> bool {
        let mut missing = false;
        for &mid in lines {
            let mut api = rtc.direct_api();
            if api.stream_tx_by_mid(mid, None).is_some() {
                continue;
            }
            let known = self.asleep.iter().find(|a| a.mid == mid).copied();
            let announced = known.unwrap_or_else(|| {
                let (ssrc, repair) = (api.new_ssrc(), Some(api.new_ssrc()));
                Announced { mid, ssrc, repair }
            });
            api.declare_stream_tx(announced.ssrc, announced.repair, mid, None);
            missing = true;
        }
        missing
    }

    /// Take away the streams of these lines that have carried nothing.
    pub fn put_to_sleep(&mut self, rtc: &mut Rtc, lines: &[Mid]) {
        self.asleep.clear();
        for &mid in lines {
            if self.is_awake(mid) {
                continue;
            }
            let mut api = rtc.direct_api();
            let Some(stream) = api.stream_tx_by_mid(mid, None) else {
                continue;
            };
            let (ssrc, repair) = (stream.ssrc(), stream.rtx());
            api.remove_stream_tx(ssrc);
            self.asleep.push(Announced { mid, ssrc, repair });
        }
    }

    /// Have the line's stream made, now that it will carry something.
    pub fn wake(&mut self, rtc: &mut Rtc, mid: Mid) {
        let Some(index) = self.asleep.iter().position(|a| a.mid == mid) else {
            return;
        };
        let Announced { ssrc, repair, .. } = self.asleep.swap_remove(index);
        let mut api = rtc.direct_api();
        let stream = api.declare_stream_tx(ssrc, repair, mid, None);
        stream.set_rtx_cache(REPAIR_PACKETS, REPAIR_AGE, REPAIR_SHARE);
        self.awake.push((mid, false));
    }

    fn is_awake(&self, mid: Mid) -> bool {
        self.awake.iter().any(|(awake, _)| *awake == mid)
    }

    /// Keep packets for longer once the path shows to be long. It never turns back: str0m forgets what it had kept.
    pub fn suit_path(&mut self, rtc: &mut Rtc, mid: Mid, round_trip: Duration) {
        let mut awake = self.awake.iter_mut();
        let Some((_, long)) = awake.find(|(awake, _)| *awake == mid) else {
            return;
        };
        if *long || round_trip < LONG_ROUND_TRIP {
            return;
        }
        *long = true;
        if let Some(stream) = rtc.direct_api().stream_tx_by_mid(mid, None) {
            stream.set_rtx_cache(REPAIR_PACKETS, LONG_REPAIR_AGE, REPAIR_SHARE);
        }
    }
}
