//! Decodes what waits in the jitter buffer, one frame each 20 ms, and covers what is missing.

use super::buffer::JitterBuffer;
use crate::clock::{Nanos, MILLISECOND, SECOND};
use crate::codec::{Codec, Decoder, Rate, FRAME_MS, MAX_SAMPLES};

/// Concealment fades to silence within this many frames.
const MAX_CONCEALED: u32 = 5;
/// A packet that waited this much longer than the target shows that we play too late.
const OVERDUE: Nanos = 60 * MILLISECOND;
/// Frames for which the level must stay too high before one is cut out.
const PATIENCE: u32 = 50;
const CROSSFADE_MS: usize = 5;
/// A timestamp this far from its neighbours is a new beginning.
const MAX_JUMP_S: u32 = 2;

pub struct Playout {
    codec: Codec,
    /// That which is decoded to.
    rate: Rate,
    decoder: Box<dyn Decoder>,
    buffer: JitterBuffer,
    ssrc: Option<u32>,
    /// First packet since the start: what delays are measured against.
    reference: Option<(u32, Nanos)>,
    /// Timestamp of the first sample not yet decoded; None while the buffer fills.
    next: Option<u32>,
    /// Decoded and not yet played, at `rate`.
    decoded: Vec<i16>,
    scratch: Vec<i16>,
    /// The last real frame, repeated to conceal a loss where the codec cannot.
    last: Vec<i16>,
    concealed: u32,
    too_full: u32,
}

impl Playout {
    pub fn new(codec: Codec) -> Playout {
        Playout {
            codec,
            rate: codec.rate(),
            decoder: codec.decoder(codec.rate()),
            buffer: JitterBuffer::new(codec.clock_rate()),
            ssrc: None,
            reference: None,
            next: None,
            decoded: Vec::with_capacity(2 * MAX_SAMPLES),
            scratch: vec![0; MAX_SAMPLES],
            last: vec![0; codec.rate().frame()],
            concealed: MAX_CONCEALED,
            too_full: 0,
        }
    }

    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// The newest frame stands for a loss, or nothing was there to play.
    pub fn is_covering(&self) -> bool {
        self.concealed > 0
    }

    fn change_codec(&mut self, codec: Codec) {
        (self.codec, self.rate) = (codec, codec.rate());
        self.decoder = codec.decoder(self.rate);
        self.last = vec![0; self.rate.frame()];
        self.restart();
    }

    fn restart(&mut self) {
        self.buffer.restart(self.codec.clock_rate());
        (self.reference, self.next, self.too_full) = (None, None, 0);
        self.decoded.clear();
    }

    /// Take a packet as it came.
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
        let jumped = self.buffer.newest().or(self.next).is_some_and(|near| {
            (timestamp.wrapping_sub(near) as i32).unsigned_abs() > MAX_JUMP_S * codec.clock_rate()
        });
        if self.ssrc.replace(ssrc).is_some_and(|before| before != ssrc) || jumped {
            self.restart();
        }
        let (reference, reference_arrival) = *self.reference.get_or_insert((timestamp, arrival));
        self.buffer
            .observe(timestamp, reference, reference_arrival, arrival);
        self.keep_reference_near(timestamp);
        let late = self
            .next
            .is_some_and(|next| (timestamp.wrapping_sub(next) as i32) < 0);
        if late && self.buffer.oldest().is_some() {
            return; // its time was concealed already and others wait: it is lost
        }
        if late {
            self.next = None; // everything comes later than we play: wait longer
        }
        self.buffer.push(timestamp, arrival, payload);
    }

    /// Timestamps wrap after half of 2^32 ticks, so the reference moves along (every hour at 48 kHz would do).
    fn keep_reference_near(&mut self, timestamp: u32) {
        let Some((reference, arrival)) = self.reference else {
            return;
        };
        let ticks = timestamp.wrapping_sub(reference);
        if (ticks as i32) > (1 << 30) {
            let ns = u64::from(ticks) * SECOND / u64::from(self.codec.clock_rate());
            self.reference = Some((timestamp, arrival + ns));
        }
    }

    /// Fill one frame at `rate()`.
    pub fn pull(&mut self, now: Nanos, frame: &mut [i16]) {
        self.begin(now);
        while self.next.is_some() && self.decoded.len() < frame.len() {
            self.advance(now, frame.len());
        }
        self.catch_up(frame.len());
        if self.decoded.len() < frame.len() {
            frame.fill(0);
            return;
        }
        frame.copy_from_slice(&self.decoded[..frame.len()]);
        self.consume(frame.len());
    }

    fn consume(&mut self, count: usize) {
        let rest = self.decoded.len() - count;
        self.decoded.copy_within(count.., 0);
        self.decoded.truncate(rest);
    }

    /// Start to play when the oldest packet waited long enough.
    fn begin(&mut self, now: Nanos) {
        let Some((timestamp, arrival)) = self.buffer.oldest() else {
            return;
        };
        let waited = now.saturating_sub(arrival);
        match self.next {
            None if waited >= self.buffer.target() => self.next = Some(timestamp),
            Some(next) if timestamp != next && waited > self.buffer.target() + OVERDUE => {
                self.next = Some(timestamp)
            }
            _ => {}
        }
    }

    /// Decode the next packet, or cover for it.
    fn advance(&mut self, now: Nanos, frame: usize) {
        let Some(next) = self.next else { return };
        match self.buffer.oldest() {
            Some((timestamp, _)) if timestamp.wrapping_sub(next) as i32 <= 0 => {
                self.decode_oldest(timestamp)
            }
            Some((timestamp, _)) => self.conceal(frame, Some(timestamp.wrapping_sub(next))),
            None if self.concealed < MAX_CONCEALED => self.conceal(frame, None),
            None => {
                self.next = None;
                self.begin(now);
            }
        }
    }

    fn decode_oldest(&mut self, timestamp: u32) {
        let Some(payload) = self.buffer.peek() else {
            return;
        };
        let count = self.decoder.decode(payload, &mut self.scratch);
        self.buffer.drop_oldest();
        self.append(count);
        self.next = Some(timestamp.wrapping_add(self.codec.ticks(count, self.rate)));
        if let Some(from) = count.checked_sub(self.last.len()) {
            self.last.copy_from_slice(&self.scratch[from..count]);
            self.concealed = 0;
        }
    }

    fn append(&mut self, count: usize) {
        let room = self.decoded.capacity() - self.decoded.len();
        self.decoded
            .extend_from_slice(&self.scratch[..count.min(room)]);
    }

    /// Cover a frame; `gap`: ticks until the packet that waits, if one does.
    fn conceal(&mut self, frame: usize, gap: Option<u32>) {
        let gap = gap.map(|ticks| self.codec.samples(ticks, self.rate).max(1));
        let wanted = gap.map_or(frame, |gap| gap.min(frame));
        let next = self.buffer.peek().filter(|_| gap == Some(frame));
        let scratch = &mut self.scratch[..wanted];
        let count = match next {
            _ if wanted != frame || self.concealed >= MAX_CONCEALED => 0,
            Some(payload) => self.decoder.recover(payload, scratch),
            None => self.decoder.conceal(scratch),
        };
        // A decoder that cannot, or fails, must not stop time.
        let count = if count == 0 {
            fade_copy(&self.last, scratch, self.concealed);
            wanted
        } else {
            count
        };
        self.append(count);
        self.concealed = (self.concealed + 1).min(MAX_CONCEALED);
        let ticks = self.codec.ticks(count, self.rate);
        self.next = self.next.map(|next| next.wrapping_add(ticks));
    }

    /// Cut out a frame, crossfaded, when more than needed waited for a second.
    fn catch_up(&mut self, frame: usize) {
        let (Some(next), Some(newest)) = (self.next, self.buffer.newest()) else {
            self.too_full = 0;
            return;
        };
        let waiting = (newest.wrapping_sub(next) as i32).max(0) as u64
            + u64::from(self.codec.ticks(self.decoded.len(), self.rate));
        let level = waiting * SECOND / u64::from(self.codec.clock_rate());
        let wanted = self.buffer.target() + FRAME_MS as u64 * MILLISECOND;
        self.too_full = if level > wanted + FRAME_MS as u64 * MILLISECOND {
            self.too_full + 1
        } else {
            0
        };
        if self.too_full < PATIENCE || self.decoded.len() < frame {
            return;
        }
        self.too_full = 0;
        if let Some((timestamp, _)) = self
            .buffer
            .oldest()
            .filter(|&(timestamp, _)| timestamp == next)
        {
            self.decode_oldest(timestamp);
        }
        if self.decoded.len() >= 2 * frame {
            let fade = frame * CROSSFADE_MS / FRAME_MS;
            for n in 0..fade {
                let (old, new) = (
                    i32::from(self.decoded[n]),
                    i32::from(self.decoded[frame + n]),
                );
                self.decoded[frame + n] = (old + (new - old) * n as i32 / fade as i32) as i16;
            }
            self.consume(frame);
        }
    }
}

/// Repeat `last` into `out`, quieter with each frame that is already concealed, silent at last.
fn fade_copy(last: &[i16], out: &mut [i16], concealed: u32) {
    let total = (MAX_CONCEALED as usize * last.len()) as i32;
    let from = total - (concealed as usize * last.len()) as i32;
    for (n, (sample, &old)) in out.iter_mut().zip(last).enumerate() {
        *sample = (i32::from(old) * (from - n as i32).max(0) / total) as i16;
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
    fn a_lost_packet_is_covered_quieter_and_time_goes_on() {
        let mut listener = Listener::new();
        for n in 0..30 {
            if n != 20 {
                listener.push(n, after(n));
            }
            listener.pull(after(n) + MILLISECOND);
        }
        let first = listener.heard.iter().position(|&s| s == level(0)).unwrap();
        let covered = listener.heard[first + 20];
        assert!(covered > level(19) / 2 && covered < level(19), "{covered}");
        assert_eq!(listener.heard[first + 21], level(21));
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
        assert_eq!(listener.heard[60], 0);
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
        let mut loudest_before_sound = f32::MIN;
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
            // One late packet makes the playout wait longer, so that the one after the loss is there in time.
            let late = if n == 1 { 50 * MILLISECOND } else { 0 };
            if n != lost {
                playout.push(Codec::Opus, 1, n * 960, &packet[..length], after(n) + late);
            }
        }
        // All has been pushed: what is pulled is silence, then what the packet after the loss tells of it.
        let mut frame = [0; 960];
        for n in 0..lost {
            playout.pull(after(lost + 4 + n), &mut frame);
            loudest_before_sound = loudest_before_sound.max(crate::codec::level_dbov(&frame));
        }
        playout.pull(after(2 * lost + 4), &mut frame);
        let recovered = crate::codec::level_dbov(&frame);
        assert!(loudest_before_sound < -60.0, "{loudest_before_sound} dBov");
        assert!(recovered > -30.0, "{recovered} dBov");
    }
}
