//! Decodes what waits, one frame each 20 ms, stretches time so that as little waits as the network allows, and covers
//! what is missing.
//!
//! Each packet has a lateness: its delay beyond that of the quickest. A track is played so late that all but the latest
//! of its packets are there when they are due (`Delays::target`). What is played earlier or later than that is brought
//! there by hearing a period of the voice twice or not at all, and so is a sender whose clock is not ours. In silence
//! nothing needs to be stretched: the next talk begins when it should.

use super::buffer::{Content, PacketBuffer, Stamp};
use super::conceal::{Concealer, Give};
use super::delay::Delays;
use super::line::Line;
use super::noise::Background;
use super::past::Past;
use super::tally::Tally;
use crate::clock::{Nanos, MILLISECOND, SECOND};
use crate::codec::{Codec, Decoder, Rate, FRAME_MS, MAX_SAMPLES};

const FRAME: Nanos = FRAME_MS as Nanos * MILLISECOND;
/// A timestamp this far from its neighbours is a new beginning.
const MAX_JUMP_S: u32 = 2;
/// So long may a packet be waited for before the sound is taken to have ended.
const PATIENCE: Nanos = 200 * MILLISECOND;
/// Late packets in a row that show that the sender's timestamps went back.
const STEPPED_BACK: u32 = 10;
/// What is heard so much later than needed is brought forward: a period that is cut out is a blemish, so not for little.
const TOO_LATE: Nanos = 24 * MILLISECOND;
/// Where a gap is bridged its length is free by a period, and time is put right for nothing: towards this surplus.
const SPARE: std::ops::RangeInclusive<Nanos> = MILLISECOND..=8 * MILLISECOND;
/// Time is stretched no more often, unless it is far from right.
const STRETCH_EVERY: u32 = 3;
const FAR: Nanos = 40 * MILLISECOND;
/// How much a period must be like its neighbour to be doubled or cut out.
const ALIKE: f32 = 0.9;
const VERY_MUCH_ALIKE: f32 = 0.99;
/// From this share of lost packets on it pays to have the packet after a lost one: for the copy in it, or for its sound.
const LOSSY: f32 = 0.025;
/// A packet's share in what is known of losses.
const LOSS_WEIGHT: f32 = 0.005;
/// Opus packets of no more bytes say that nobody speaks (RFC 7587 §3.1.3).
const LONGEST_DTX: usize = 2;
/// Noise of a track that has ended is gone after about this time.
const FADE_OUT_MS: f32 = 300.0;

pub struct Playout {
    codec: Codec,
    decoder: Box<dyn Decoder>,
    /// Whether the decoder has its own way to conceal.
    conceals: bool,
    buffer: PacketBuffer,
    delays: Delays,
    line: Line,
    concealer: Concealer,
    background: Background,
    ssrc: Option<u32>,
    /// Timestamp of the first sample not yet decoded; None while nothing plays.
    next: Option<u32>,
    /// Ticks that were covered while waiting for `next`.
    stalled: u32,
    /// The sender said that nobody speaks.
    silent: bool,
    /// Samples of the last packet.
    packet: usize,
    late_in_a_row: u32,
    since_stretch: u32,
    loss: f32,
    scratch: Vec<i16>,
    /// What came before, and was decoded by nobody here.
    past: Option<Box<Past>>,
    /// Samples that wait, up to the last that was made up.
    covered: usize,
    is_covering: bool,
    tally: Tally,
}

impl Playout {
    pub fn new(codec: Codec) -> Playout {
        let hz = codec.rate().hz() as usize;
        let mut decoder = codec.decoder(codec.rate());
        let mut scratch = vec![0; MAX_SAMPLES];
        Playout {
            codec,
            // Before its first packet a decoder that conceals makes silence.
            conceals: decoder.conceal(&mut scratch[..codec.rate().frame()]) > 0,
            decoder,
            buffer: PacketBuffer::new(),
            delays: Delays::new(codec.clock_rate()),
            line: Line::new(hz),
            concealer: Concealer::new(hz),
            background: Background::new(),
            ssrc: None,
            next: None,
            stalled: 0,
            silent: false,
            packet: codec.rate().frame(),
            late_in_a_row: 0,
            since_stretch: 0,
            loss: 0.0,
            scratch,
            past: None,
            covered: 0,
            is_covering: false,
            tally: Tally::default(),
        }
    }

    /// Goes on where these packets end.
    pub fn after(codec: Codec, past: Option<Box<Past>>) -> Playout {
        Playout {
            past,
            ..Playout::new(codec)
        }
    }

    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// What it plays is heard.
    pub fn has_begun(&self) -> bool {
        self.next.is_some()
    }

    /// Timestamps at which the newest frame begins and ends; None if nothing plays.
    pub fn extent(&self) -> Option<[u32; 2]> {
        let end = self.next?.wrapping_sub(self.ticks(self.line.ahead()));
        Some([end.wrapping_sub(self.ticks(self.rate().frame())), end])
    }

    /// Samples that wait decoded.
    pub fn ahead(&self) -> usize {
        self.line.ahead()
    }

    /// What waits decoded, and after it as the voice would go on: so many samples more.
    pub fn foresee(&self, more: usize) -> Vec<i16> {
        let mut line = Line::new(self.rate().hz() as usize);
        line.recall(self.line.heard());
        line.push(self.line.next());
        let mut concealer = Concealer::new(self.rate().hz() as usize);
        concealer.extend(&mut line, more);
        line.next().to_vec()
    }

    /// Packets that wait to be decoded, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &[u8]> {
        self.buffer.sounds()
    }

    pub fn rate(&self) -> Rate {
        self.codec.rate()
    }

    /// The newest frame stands for a loss, in part at least, or nothing was there to play.
    pub fn is_covering(&self) -> bool {
        self.is_covering
    }

    /// What was done since the track began.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    fn change_codec(&mut self, codec: Codec) {
        let (ssrc, tally) = (self.ssrc, self.tally);
        *self = Playout {
            ssrc,
            tally,
            ..Playout::new(codec)
        };
    }

    /// Another source, or the same at another time: what waits is void, what was heard is followed smoothly.
    fn restart(&mut self) {
        self.buffer.clear();
        self.delays = Delays::new(self.codec.clock_rate());
        self.stop();
    }

    fn stop(&mut self) {
        (self.next, self.stalled, self.silent) = (None, 0, false);
    }

    /// Take a packet of sound as it came.
    pub fn push(
        &mut self,
        codec: Codec,
        ssrc: u32,
        timestamp: u32,
        payload: &[u8],
        arrival: Nanos,
    ) {
        if codec != self.codec {
            self.change_codec(codec);
        }
        self.keep(Content::Sound, ssrc, timestamp, payload, arrival);
    }

    /// Take a packet of comfort noise (RFC 3389) of the codec that plays.
    pub fn push_noise(&mut self, ssrc: u32, timestamp: u32, payload: &[u8], arrival: Nanos) {
        self.keep(Content::Noise, ssrc, timestamp, payload, arrival);
    }

    fn keep(
        &mut self,
        content: Content,
        ssrc: u32,
        timestamp: u32,
        payload: &[u8],
        arrival: Nanos,
    ) {
        let jumped = self.buffer.newest().or(self.next).is_some_and(|near| {
            let leap = timestamp.wrapping_sub(near) as i32;
            leap.unsigned_abs() > MAX_JUMP_S * self.codec.clock_rate()
        });
        if self.ssrc.replace(ssrc).is_some_and(|before| before != ssrc) || jumped {
            self.restart();
        }
        let stamp = Stamp {
            timestamp,
            arrival,
            transit: self.delays.observe(timestamp, arrival),
            content,
        };
        if self.is_late(timestamp) {
            self.tally.late += 1;
            self.late_in_a_row += 1;
            if self.late_in_a_row < STEPPED_BACK {
                return; // its time was covered already
            }
            self.restart();
        }
        self.late_in_a_row = 0;
        self.buffer.push(stamp, payload);
    }

    fn is_late(&self, timestamp: u32) -> bool {
        self.next
            .is_some_and(|next| (timestamp.wrapping_sub(next) as i32) < 0)
    }

    /// Fill one frame at `rate()`.
    pub fn pull(&mut self, now: Nanos, frame: &mut [i16]) {
        while self.line.ahead() < frame.len() {
            self.produce(now, frame.len() - self.line.ahead());
        }
        self.line.take(frame);
        self.is_covering = self.covered > 0;
        self.covered = self.covered.saturating_sub(frame.len());
        self.tally.heard += frame.len() as u64;
        self.since_stretch = self.since_stretch.saturating_add(1);
    }

    /// Make more samples, of which so many are missing. Always makes some.
    fn produce(&mut self, now: Nanos, missing: usize) {
        let Some((stamp, _)) = self.buffer.oldest() else {
            return self.wait(missing);
        };
        let Some(next) = self.next.filter(|_| !self.silent) else {
            return self.wait_for_talk(stamp, now, missing);
        };
        let gap = stamp
            .timestamp
            .wrapping_sub(next)
            .wrapping_sub(self.stalled) as i32;
        if gap <= 0 {
            self.play(0, now);
        } else {
            self.cover(gap as u32, now, missing);
        }
    }

    /// Nothing waits.
    fn wait(&mut self, missing: usize) {
        if self.next.is_none() || self.silent {
            return self.rest(missing);
        }
        self.stalled += self.conceal(missing);
        if self.nanos(self.stalled) > PATIENCE {
            self.stop();
        }
    }

    /// Something waits, and nobody speaks yet.
    fn wait_for_talk(&mut self, stamp: Stamp, now: Nanos, missing: usize) {
        if self.slack(stamp, now) < self.wanted() {
            return self.rest(missing);
        }
        self.next = Some(stamp.timestamp);
        self.stalled = 0;
        self.remember(stamp);
        self.play(0, now);
    }

    /// Lead the decoder to the first packet through those before it.
    fn remember(&mut self, first: Stamp) {
        let past = self.past.take();
        let ssrc = self.ssrc.unwrap_or_default();
        if let Some(past) = past.filter(|past| past.leads_to(self.codec, ssrc, first.timestamp)) {
            let line = &mut self.line;
            past.replay(&mut *self.decoder, |sound| line.recall(sound));
        }
    }

    /// How late `stamp`'s packet could have been.
    fn slack(&self, stamp: Stamp, now: Nanos) -> Nanos {
        self.delays.lateness(stamp.transit) + now.saturating_sub(stamp.arrival)
    }

    /// How late packets may be. Where some are lost, the one after should be there too.
    fn wanted(&self) -> Nanos {
        let target = self.delays.target();
        if self.loss < LOSSY {
            return target;
        }
        let packet = self.nanos(self.ticks(self.packet));
        let next = if self.conceals {
            self.delays.mostly()
        } else {
            2 * MILLISECOND
        };
        target.max(packet + next)
    }

    /// What is heard later than needed, if frames are made when they are: all but what is in time for an earlier frame.
    fn surplus(&self, slack: Nanos, queued: Nanos) -> Option<Nanos> {
        let spare = slack.checked_sub(self.wanted())?;
        Some(spare / FRAME * FRAME + queued)
    }

    /// Decode the oldest packet, of which `gap` samples before it are missing.
    fn play(&mut self, gap: usize, now: Nanos) {
        let Some((stamp, payload)) = self.buffer.oldest() else {
            return;
        };
        if stamp.content == Content::Noise {
            self.background.describe(payload);
            self.silent = true;
            return self.played(stamp, 0);
        }
        let is_dtx = self.conceals && payload.len() <= LONGEST_DTX;
        let count = self.decoder.decode(payload, &mut self.scratch);
        let queued = self.nanos(self.ticks(self.line.ahead() + gap));
        let delay = now.saturating_sub(stamp.arrival) + queued;
        self.tally.decoded += count as u64;
        self.tally.delay_ns += u128::from(delay) * count as u128;
        // A bridge needs the packet behind it before that one itself is due.
        let slack = self.slack(stamp, now) + queued / FRAME * FRAME;
        let surplus = self.surplus(slack, queued % FRAME);
        self.join(gap, count, surplus);
        (self.silent, self.loss) = (is_dtx, self.loss * (1.0 - LOSS_WEIGHT));
        self.played(stamp, count);
        if !is_dtx {
            self.regulate(slack, surplus);
        }
    }

    fn played(&mut self, stamp: Stamp, count: usize) {
        self.buffer.drop_oldest();
        self.stalled = 0;
        self.next = Some(stamp.timestamp.wrapping_add(self.ticks(count)));
        if count > 0 {
            self.packet = count;
        }
    }

    /// Put what was decoded behind what is there.
    fn join(&mut self, gap: usize, count: usize, surplus: Option<Nanos>) {
        if gap > 0 || self.concealer.is_active() {
            let surplus = self.samples_in(surplus.unwrap_or(0));
            let (least, most) = (
                self.samples_in(*SPARE.start()),
                self.samples_in(*SPARE.end()),
            );
            let give = Give {
                shorter: surplus.saturating_sub(least),
                longer: most.saturating_sub(surplus),
            };
            let sound = &mut self.scratch[..count];
            let length = self.concealer.bridge(&mut self.line, gap, sound, give);
            self.tally.concealed += length as u64;
            self.covered = self.line.ahead() - count.min(self.line.ahead());
        } else {
            let sound = &self.scratch[..count];
            if !self.conceals && count > 0 {
                self.background.hear(sound);
            }
            self.line.push(sound);
        }
    }

    /// Bring what waits to what should wait.
    fn regulate(&mut self, slack: Nanos, surplus: Option<Nanos>) {
        let short = self.wanted().saturating_sub(slack);
        let long = surplus.unwrap_or(0);
        if self.since_stretch < STRETCH_EVERY && short.max(long) < FAR {
            return;
        }
        // For a copy alone, or somewhat less delay, it can wait for a fitting moment.
        let urgent = slack < self.delays.target() || long > FAR;
        let alike = if urgent { ALIKE } else { VERY_MUCH_ALIKE };
        let (mut won, mut cut) = (0, 0);
        if short > 0 {
            won = self.line.lengthen(alike);
        } else if long > TOO_LATE {
            cut = self.line.shorten(self.samples_in(long), alike);
        }
        self.tally.inserted += won as u64;
        self.tally.removed += cut as u64;
        if won + cut > 0 {
            self.since_stretch = 0;
        }
    }

    /// Packets are lost: `gap` ticks lie before the oldest that waits.
    fn cover(&mut self, gap: u32, now: Nanos, missing: usize) {
        let samples = self.samples(gap);
        if self.conceals {
            if samples == self.packet && self.recover() {
                return;
            }
            // Whole packets, so that the last one is left to its copy.
            let before_copy = if samples > self.packet {
                samples - self.packet
            } else {
                samples
            };
            let covered = self.conceal(before_copy.min(self.packet));
            self.advance(covered);
        } else if samples <= self.concealer.bridged() {
            self.lose();
            self.play(samples, now);
        } else {
            let covered = self.conceal(missing);
            self.advance(covered);
        }
    }

    fn advance(&mut self, ticks: u32) {
        self.next = self.next.map(|next| next.wrapping_add(ticks));
        self.lose();
    }

    fn lose(&mut self) {
        self.loss += LOSS_WEIGHT;
    }

    /// Decode the copy of the lost packet that the one after it carries; false if there is none.
    fn recover(&mut self) -> bool {
        let Some((_, payload)) = self.buffer.oldest() else {
            return false;
        };
        let lost = &mut self.scratch[..self.packet];
        let count = self.decoder.recover(payload, lost);
        self.line.push(&self.scratch[..count]);
        self.tally.recovered += count as u64;
        let ticks = self.ticks(count);
        self.advance(ticks);
        count > 0
    }

    /// Cover so many samples, or somewhat more; returns the ticks covered.
    fn conceal(&mut self, missing: usize) -> u32 {
        // Opus conceals in steps of 2.5 ms.
        let step = self.rate().hz() as usize / 400;
        let whole = missing.div_ceil(step) * step;
        let count = if self.conceals {
            self.decoder.conceal(&mut self.scratch[..whole])
        } else {
            0
        };
        let count = if count > 0 {
            self.line.push(&self.scratch[..count]);
            count
        } else {
            self.concealer.extend(&mut self.line, missing);
            missing
        };
        self.tally.concealed += count as u64;
        self.covered = self.line.ahead();
        self.ticks(count)
    }

    /// Nobody speaks.
    fn rest(&mut self, missing: usize) {
        let opus = self.silent && self.conceals;
        let step = self.rate().hz() as usize / 400;
        let whole = missing.div_ceil(step) * step;
        if opus && self.decoder.conceal(&mut self.scratch[..whole]) == whole {
            self.line.push(&self.scratch[..whole]);
        } else {
            let fading = if self.silent {
                0.0
            } else {
                1_000.0 / FADE_OUT_MS / self.rate().hz() as f32
            };
            self.background.fill(&mut self.scratch[..missing], fading);
            self.line.push(&self.scratch[..missing]);
        }
        self.covered = self.line.ahead();
        self.tally.silence += missing as u64;
    }

    fn ticks(&self, samples: usize) -> u32 {
        self.codec.ticks(samples, self.rate())
    }

    fn samples(&self, ticks: u32) -> usize {
        self.codec.samples(ticks, self.rate())
    }

    fn samples_in(&self, time: Nanos) -> usize {
        (time * u64::from(self.rate().hz()) / SECOND) as usize
    }

    fn nanos(&self, ticks: u32) -> Nanos {
        u64::from(ticks) * SECOND / u64::from(self.codec.clock_rate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{g711, opus};

    const FRAME: usize = Rate::Narrow.frame();
    const PTIME: Nanos = 20 * MILLISECOND;

    /// Each packet carries its own number as a constant level, so that every frame shows where it came from.
    fn payload(n: u32) -> Vec<u8> {
        let mut out = vec![0; FRAME];
        g711::encode(
            Codec::Pcma,
            &[(n as i16 % 100) * 256 + 128; FRAME],
            &mut out,
        );
        out
    }

    fn level(n: u32) -> i16 {
        let mut out = [0; FRAME];
        g711::decode(Codec::Pcma, &payload(n), &mut out);
        out[0]
    }

    struct Listener {
        playout: Playout,
        heard: Vec<i16>,
    }

    impl Listener {
        fn new() -> Listener {
            Listener {
                playout: Playout::new(Codec::Pcma),
                heard: Vec::new(),
            }
        }

        fn push(&mut self, n: u32, arrival: Nanos) {
            self.playout.push(
                Codec::Pcma,
                1,
                n.wrapping_mul(160).wrapping_add(77),
                &payload(n),
                arrival,
            );
        }

        fn pull(&mut self, now: Nanos) {
            let mut frame = [0; FRAME];
            self.playout.pull(now, &mut frame);
            self.heard.push(frame[FRAME / 2]);
        }
    }

    fn after(n: u32) -> Nanos {
        SECOND + u64::from(n) * PTIME
    }

    #[test]
    fn a_steady_source_is_heard_whole_and_in_order() {
        let mut listener = Listener::new();
        for n in 0..50 {
            listener.push(n, after(n));
            listener.pull(after(n) + MILLISECOND);
        }
        let first = listener.heard.iter().position(|&s| s == level(0)).unwrap();
        assert!(first <= 2, "began after {first} frames");
        let expected: Vec<i16> = (0..50 - first as u32).map(level).collect();
        assert_eq!(listener.heard[first..], expected);
    }

    #[test]
    fn reordered_packets_are_heard_in_order() {
        let mut listener = Listener::new();
        for n in 0..50u32 {
            listener.push(n ^ 1, after(n));
            listener.pull(after(n) + MILLISECOND);
        }
        let heard: Vec<i16> = listener
            .heard
            .iter()
            .copied()
            .filter(|&s| s != 0)
            .skip(4)
            .collect();
        assert!(heard.windows(2).all(|pair| pair[0] <= pair[1]), "{heard:?}");
    }

    #[test]
    fn a_lost_packet_is_bridged_from_both_sides_and_time_goes_on() {
        let mut listener = Listener::new();
        for n in 0..30 {
            if n != 20 {
                listener.push(n, after(n));
            }
            listener.pull(after(n) + MILLISECOND);
        }
        let first = listener.heard.iter().position(|&s| s == level(0)).unwrap();
        let covered = listener.heard[first + 20];
        assert!((level(19)..=level(21)).contains(&covered), "{covered}");
        assert_eq!(listener.playout.tally().late, 0);
        let behind = (0..3).find(|&back| level(29 - back) == listener.heard[29]);
        assert!(behind.is_some(), "{:?}", &listener.heard[20..]);
    }

    #[test]
    fn a_source_that_stops_fades_to_silence_and_is_heard_again_when_it_returns() {
        let mut listener = Listener::new();
        for n in 0..100 {
            if !(40..80).contains(&n) {
                listener.push(n, after(n));
            }
            listener.pull(after(n) + MILLISECOND);
        }
        let silence = listener.heard[78].unsigned_abs();
        assert!(silence < 50, "{silence}");
        let last = listener.heard[99];
        assert!((94..=99).any(|n| level(n) == last), "{last} is not recent");
    }

    #[test]
    fn a_burst_after_a_stall_does_not_leave_a_lasting_delay() {
        let mut listener = Listener::new();
        for n in 0..20 {
            listener.push(n, after(n));
            listener.pull(after(n) + MILLISECOND);
        }
        for n in 20..40 {
            listener.pull(after(n) + MILLISECOND); // nothing comes for 400 ms
        }
        (20..40).for_each(|n| listener.push(n, after(40)));
        for n in 40..1_200 {
            listener.push(n, after(n));
            listener.pull(after(n) + MILLISECOND);
        }
        let last = *listener.heard.last().unwrap();
        let delay = (0..40)
            .find(|&back| level(1_199 - back) == last)
            .expect("a recent packet is heard");
        assert!(delay <= 8, "{delay} frames behind");
    }

    #[test]
    fn another_source_or_codec_starts_afresh() {
        let mut listener = Listener::new();
        for n in 0..20 {
            listener.push(n, after(n));
            listener.pull(after(n) + MILLISECOND);
        }
        listener
            .playout
            .push(Codec::Pcma, 2, 4_000_000, &payload(90), after(20));
        listener.pull(after(20) + MILLISECOND);
        listener.pull(after(21) + MILLISECOND);
        assert!(listener.heard[20..].contains(&level(90)));
        listener
            .playout
            .push(Codec::Opus, 2, 0, &[0xF8, 0xFF, 0xFE], after(22));
        assert_eq!(listener.playout.rate(), Rate::Full);
    }

    #[test]
    fn opus_hears_the_lost_beginning_of_a_sound_in_the_next_packet() {
        let mut encoder = opus::Encoder::new(Rate::Wide);
        let mut playout = Playout::new(Codec::Opus);
        let mut levels = Vec::new();
        let lost = 20;
        for n in 0..=lost + 1 {
            let voice =
                |k: u32| (f64::from(n * 320 + k) / 16_000.0 * 200.0).fract() * 16_000.0 - 8_000.0;
            let sounds = n >= lost;
            let samples: Vec<i16> = (0..320)
                .map(|k| if sounds { voice(k) as i16 } else { 0 })
                .collect();
            let mut packet = [0; opus::MAX_PACKET];
            let length = encoder.encode(&samples, &mut packet);
            if n != lost {
                playout.push(Codec::Opus, 1, n * 960, &packet[..length], after(n));
            }
            let mut frame = [0; 960];
            playout.pull(after(n) + MILLISECOND, &mut frame);
            levels.push(crate::codec::level_dbov(&frame));
        }
        assert_eq!(playout.tally().recovered, 960);
        let (recovered, silence) = levels.split_last().unwrap();
        let loudest = silence.iter().copied().fold(f32::MIN, f32::max);
        assert!(loudest < -60.0, "{loudest} dBov");
        assert!(*recovered > -30.0, "{recovered} dBov");
    }

    #[test]
    fn a_voice_with_lost_packets_goes_on_in_its_pitch_and_without_a_click() {
        let step = 200.0 / 8_000.0 * std::f64::consts::TAU;
        let mut encoder = Codec::L16Narrow.encoder(Rate::Narrow);
        let mut playout = Playout::new(Codec::L16Narrow);
        let (mut payload, mut heard) = ([0; 320], Vec::new());
        for n in 0..200u32 {
            let voice: [i16; FRAME] = std::array::from_fn(|k| {
                ((f64::from(n * 160) + k as f64) * step)
                    .sin()
                    .mul_add(8_000.0, 0.0) as i16
            });
            let length = encoder.encode(&voice, &mut payload);
            // Now and then one is lost, or two in a row.
            if n < 20 || !matches!(n % 17, 0 | 7 | 8) {
                playout.push(Codec::L16Narrow, 1, n * 160, &payload[..length], after(n));
            }
            let mut frame = [0; FRAME];
            playout.pull(after(n) + 10 * MILLISECOND, &mut frame);
            heard.extend(frame.map(i32::from));
        }
        assert!(playout.tally().concealed > 20 * 160);
        let largest = heard[800..].windows(2).map(|two| (two[1] - two[0]).abs());
        let own = 8_000.0 * step;
        assert!(f64::from(largest.max().unwrap()) < 1.2 * own, "own {own}");
        let quietest = heard[800..]
            .chunks(FRAME)
            .map(|frame| frame.iter().max().unwrap());
        assert!(*quietest.min().unwrap() > 5_000);
    }

    #[test]
    fn the_peers_comfort_noise_is_heard_until_it_speaks_again() {
        let mut listener = Listener::new();
        let mut levels = Vec::new();
        for n in 0..100 {
            match n {
                0..20 | 60.. => listener.push(n, after(n)),
                20 => listener
                    .playout
                    .push_noise(1, 20 * 160 + 77, &[50], after(20)),
                _ => {}
            }
            let mut frame = [0; FRAME];
            listener.playout.pull(after(n) + MILLISECOND, &mut frame);
            listener.heard.push(frame[FRAME / 2]);
            levels.push(crate::codec::level_dbov(&frame));
        }
        for (n, level) in levels.iter().enumerate().take(60).skip(24) {
            assert!((level + 50.0).abs() < 3.0, "frame {n}: {level} dBov");
        }
        assert_eq!(listener.playout.tally().concealed, 0);
        assert!((96..100).any(|n| level(n) == listener.heard[99]));
    }

    #[test]
    fn opus_that_stops_sending_in_silence_is_no_loss() {
        let mut encoder = Codec::Opus.encoder(Rate::Wide);
        let mut playout = Playout::new(Codec::Opus);
        let mut packet = [0; opus::MAX_PACKET];
        for n in 0..100u32 {
            let length = encoder.encode(&[0; 320], &mut packet);
            match n {
                0..20 | 80.. => playout.push(Codec::Opus, 1, n * 960, &packet[..length], after(n)),
                20 | 40 | 60 => playout.push(Codec::Opus, 1, n * 960, &packet[..1], after(n)),
                _ => {}
            }
            playout.pull(after(n) + MILLISECOND, &mut [0; 960]);
        }
        assert_eq!((playout.tally().concealed, playout.tally().late), (0, 0));
        assert!(playout.tally().decoded >= 38 * 960);
    }
}
