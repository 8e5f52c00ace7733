//! Outgoing video streams that have carried nothing yet.
//!
//! str0m fills the path to its floor with padding on any video stream there is, so a call of voices alone would pay for
//! a picture it never shows. Announced streams are therefore made only with their first packet. Later they stay: the
//! repair stream's count must not begin anew under the same keys (RFC 3711 §9.1).

use std::time::Duration;

use str0m::media::Mid;
use str0m::rtp::Ssrc;
use str0m::Rtc;

/// What of a picture can be sent again: a second of 5 Mbit/s. A packet asked for later would come too late to be shown,
/// and str0m's own three seconds hold most of the memory of a leg.
const REPAIR_PACKETS: usize = 600;
const REPAIR_AGE: Duration = Duration::from_secs(1);
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
    /// Lines whose stream was made.
    awake: Vec<Mid>,
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
        for &mid in lines.iter().filter(|mid| !self.awake.contains(mid)) {
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
        self.awake.push(mid);
    }
}
