//! Digits on their way out of a port: one at a time, as telephone-events or, where the peer takes none, as tones.
//!
//! While a digit is sent nothing else is, so that a tone that a source also sounds is not heard beside it.

use std::collections::VecDeque;
use std::f32::consts::TAU;

use super::{code_of, pair_of, Press};
use crate::codec::{Rate, FRAME_MS};
use crate::id::TrackId;

/// Digits that may wait; more is no keypad.
const MAX_WAITING: usize = 64;
/// Presses of tracks that may wait: they come as they are sent on, so that only forged ones gather, and while they are sent
/// nobody is heard.
const MAX_PRESSES_WAITING: usize = 4;
/// A press that is let go sounds on for no longer, whatever its sender says of its length.
const MAX_BEHIND_MS: u32 = 500;
/// No digit is shorter, so that its packets survive some loss and its tone is heard by every detector.
const MIN_MS: u32 = 60;
/// A digit whose end never came.
const MAX_MS: u32 = 10_000;
/// Packets that tell of the end (RFC 4733 §2.5.1.4), one each frame.
const ENDS: u32 = 3;
/// Frames from the first end, or the end of a tone, to the next digit: a pause of 80 ms.
const PAUSE_FRAMES: u32 = 4;
/// dBm0 of row and column: the column 2 dB stronger, for lines that swallow high tones (ITU-T Q.23).
const ROW_DBM0: f32 = -9.0;
const COLUMN_DBM0: f32 = -7.0;
const FADE_MS: u32 = 2;
/// -10 dBm0, as RFC 4733 §2.3 counts it.
const VOLUME: u8 = 10;
/// Duration has 16 bits.
const SEGMENT: u32 = 0xFFFF;

#[derive(Clone, Copy, Debug)]
struct Item {
    digit: char,
    /// None while the key is held.
    ms: Option<u32>,
    /// Whose press it is.
    from: Option<TrackId>,
}

#[derive(Clone, Copy, Debug)]
struct Sending {
    item: Item,
    /// Sent so far, and since its end.
    frames: u32,
    after: u32,
}

/// What goes out in this frame instead of sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    pub digit: char,
    /// How long it has sounded with this frame.
    pub ms: u32,
    /// The first frame of the digit.
    pub begins: bool,
    /// Frames since its end: 0 while it sounds.
    pub after: u32,
}

impl Moment {
    /// The event packet of this frame: its payload, and how far its timestamp lies after the beginning of the press.
    pub fn event(&self, rate: u32) -> Option<([u8; 4], u32)> {
        if self.after > ENDS {
            return None;
        }
        let ticks = self.ms * (rate / 1_000);
        let segments = ticks.saturating_sub(1) / SEGMENT;
        let [high, low] = ((ticks - segments * SEGMENT) as u16).to_be_bytes();
        let end = if self.after > 0 { 0x80 } else { 0 };
        Some((
            [code_of(self.digit)?, end | VOLUME, high, low],
            segments * SEGMENT,
        ))
    }

    /// The sound of this frame.
    pub fn tone(&self, rate: Rate, frame: &mut [i16]) {
        let Some(pair) = pair_of(self.digit).filter(|_| self.after == 0) else {
            frame.fill(0);
            return;
        };
        let hz = rate.hz() as f32;
        let first = (self.ms - FRAME_MS as u32) as usize * rate.hz() as usize / 1_000;
        let fade = hz * FADE_MS as f32 / 1_000.0;
        for (n, sample) in frame.iter_mut().enumerate() {
            let at = first + n;
            let sine = |f: f32, dbm0: f32| {
                let turns = f64::from(f) * at as f64 / f64::from(hz);
                32_768.0 * 10f32.powf((dbm0 - 3.17) / 20.0) * (turns.fract() as f32 * TAU).sin()
            };
            let edge = (at as f32 / fade).min(1.0);
            *sample = (edge * (sine(pair[0], ROW_DBM0) + sine(pair[1], COLUMN_DBM0))) as i16;
        }
    }
}

#[derive(Debug, Default)]
pub struct DigitSender {
    waiting: VecDeque<Item>,
    current: Option<Sending>,
}

impl DigitSender {
    /// Something is being sent or waits.
    pub fn is_busy(&self) -> bool {
        self.current.is_some() || !self.waiting.is_empty()
    }

    /// Send a digit of this length after those that wait.
    pub fn send(&mut self, digit: char, ms: u32) {
        self.wait(Item {
            digit,
            ms: Some(ms),
            from: None,
        });
    }

    /// A key was pressed on a track that is heard here, and is held.
    pub fn press(&mut self, from: TrackId, digit: char) {
        let presses = self.waiting.iter().filter(|item| item.from.is_some());
        if presses.count() < MAX_PRESSES_WAITING {
            self.wait(Item {
                digit,
                ms: None,
                from: Some(from),
            });
        }
    }

    fn wait(&mut self, item: Item) {
        if self.waiting.len() < MAX_WAITING && pair_of(item.digit).is_some() {
            self.waiting.push_back(item);
        }
    }

    /// The key was let go.
    pub fn release(&mut self, from: TrackId, press: Press) {
        let is_meant =
            |item: &Item| item.from == Some(from) && item.ms.is_none() && item.digit == press.digit;
        let current = self.current.as_mut();
        if let Some(sending) = current.filter(|sending| is_meant(&sending.item)) {
            let sounded = sending.frames * FRAME_MS as u32;
            sending.item.ms = Some(press.duration_ms.min(sounded + MAX_BEHIND_MS));
        } else if let Some(item) = self.waiting.iter_mut().find(|item| is_meant(item)) {
            item.ms = Some(press.duration_ms.min(MAX_BEHIND_MS));
        }
    }

    /// A track is not heard here any more: what of it is held ends, what waits is not sent.
    pub fn forget(&mut self, from: TrackId) {
        self.waiting.retain(|item| item.from != Some(from));
        if let Some(sending) = &mut self.current {
            if sending.item.from == Some(from) {
                sending.item.ms = sending.item.ms.or(Some(0));
            }
        }
    }

    /// What this frame carries; None when all is sent.
    pub fn next_frame(&mut self) -> Option<Moment> {
        if self.current.is_none() {
            let item = self.waiting.pop_front()?;
            self.current = Some(Sending {
                item,
                frames: 0,
                after: 0,
            });
        }
        let sending = self.current.as_mut()?;
        let ms = sending.frames * FRAME_MS as u32;
        let wanted = sending.item.ms.unwrap_or(MAX_MS).clamp(MIN_MS, MAX_MS);
        let begins = sending.frames == 0;
        if ms < wanted {
            sending.frames += 1;
        } else {
            sending.after += 1;
        }
        let moment = Moment {
            digit: sending.item.digit,
            ms: sending.frames * FRAME_MS as u32,
            begins,
            after: sending.after,
        };
        if sending.after == PAUSE_FRAMES {
            self.current = None;
        }
        Some(moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtmf::{EventPacket, Signal, TelephoneEvents, ToneDetector};

    const A: TrackId = TrackId(1);

    fn moments(sender: &mut DigitSender) -> Vec<Moment> {
        std::iter::from_fn(|| sender.next_frame())
            .take(2_000)
            .collect()
    }

    fn told_by_events(moments: &[Moment], rate: u32) -> Vec<Signal> {
        let mut events = TelephoneEvents::default();
        let mut start = 0;
        let mut told = Vec::new();
        for (n, moment) in moments.iter().enumerate() {
            if moment.begins {
                start = n as u32 * rate / 50;
            }
            let Some((payload, step)) = moment.event(rate) else {
                continue;
            };
            let packet = EventPacket {
                ssrc: 1,
                timestamp: start + step,
                marker: moment.begins,
                payload: &payload,
                rate,
            };
            told.extend(events.receive(&packet, 0).into_iter().flatten());
        }
        told
    }

    fn over(digit: char, duration_ms: u32) -> Signal {
        Signal::Over(Press { digit, duration_ms })
    }

    #[test]
    fn digits_go_out_one_after_another_and_are_understood_at_both_clocks() {
        for rate in [8_000, 48_000] {
            let mut sender = DigitSender::default();
            sender.send('4', 100);
            sender.send('4', 10);
            sender.send('x', 100);
            let sent = moments(&mut sender);
            assert_eq!(sent.iter().filter(|moment| moment.after == 1).count(), 2);
            let began = Signal::Began('4');
            assert_eq!(
                told_by_events(&sent, rate),
                [began, over('4', 100), began, over('4', 60)]
            );
        }
    }

    #[test]
    fn the_end_is_told_three_times() {
        let mut sender = DigitSender::default();
        sender.send('1', 100);
        let packets: Vec<_> = moments(&mut sender)
            .iter()
            .filter_map(|m| m.event(8_000))
            .collect();
        assert_eq!(packets.len(), 5 + 3);
        assert!(packets[5..]
            .iter()
            .all(|(payload, _)| payload == &[1, 0x8A, 3, 0x20]));
    }

    #[test]
    fn a_press_of_six_seconds_at_48_khz_is_one() {
        let mut sender = DigitSender::default();
        sender.send('7', 6_000);
        let told = told_by_events(&moments(&mut sender), 48_000);
        assert_eq!(told, [Signal::Began('7'), over('7', 6_000)]);
    }

    #[test]
    fn a_held_key_sounds_until_it_is_let_go() {
        let mut sender = DigitSender::default();
        sender.press(A, '8');
        assert!((0..10).all(|_| sender.next_frame().is_some()));
        let press = Press {
            digit: '8',
            duration_ms: 210,
        };
        sender.release(A, press);
        let rest = moments(&mut sender);
        assert_eq!((rest[0].ms, rest[1].after), (220, 1));
        sender.press(A, '9');
        sender.next_frame();
        sender.forget(A);
        assert!(moments(&mut sender).len() < 8, "who is gone holds no key");
    }

    #[test]
    fn the_tones_are_heard_by_a_detector() {
        let mut sender = DigitSender::default();
        let digits = "0123456789*#ABCD";
        digits.chars().for_each(|digit| sender.send(digit, 60));
        let mut detector = ToneDetector::default();
        let mut heard = String::new();
        let mut frame = [0; 160];
        for moment in moments(&mut sender) {
            moment.tone(Rate::Narrow, &mut frame);
            for signal in detector.process(&frame, false).into_iter().flatten() {
                if let Signal::Over(press) = signal {
                    heard.push(press.digit);
                }
            }
        }
        assert_eq!(heard, digits);
    }
}
