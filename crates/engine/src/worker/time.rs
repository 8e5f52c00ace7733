//! What time brings: frames of players and mixers, reports, time-outs.

use super::Worker;
use crate::clock::{Nanos, MILLISECOND};
use crate::event::Happening;
use crate::id::PortId;
use crate::io::MediaIo;
use crate::port::setup::SetUp;
use crate::port::tap::Tapped;
use crate::port::{Port, PortKind};

/// Time-outs and reports are looked after this often.
const SWEEP_PERIOD: Nanos = 100 * MILLISECOND;
/// A frame that is made later than this after its time is counted.
const LATE: Nanos = 10 * MILLISECOND;

impl Worker {
    /// When `handle_time` is next due; None while nothing is open.
    pub fn next_deadline(&self) -> Option<Nanos> {
        let sweep = (!self.ports.is_empty() || !self.closing.is_empty()).then_some(self.sweep_due);
        [sweep, self.wheel.next_deadline(), self.next_leg_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Do all that is due, and let WebRTC legs send what waits in them.
    pub fn handle_time(&mut self, now: Nanos, io: &mut dyn MediaIo) {
        while let Some((index, at)) = self.wheel.turn(now) {
            self.counters.late_ticks.add(u64::from(now - at > LATE));
            self.tick(index, at, io);
        }
        self.wake_legs(now);
        self.poll_legs(now, io);
        if now >= self.sweep_due {
            let passed = SWEEP_PERIOD + now.saturating_sub(self.sweep_due);
            self.follow_speakers(passed, now);
            self.sweep_due = now + SWEEP_PERIOD;
            self.sweep(now, io);
        }
    }

    /// One turn of a slot: players, then what is listened to, then who mixes it. Allocates nothing.
    fn tick(&mut self, index: usize, at: Nanos, io: &mut dyn MediaIo) {
        let mut slot = std::mem::take(self.wheel.slot(index));
        slot.players
            .retain(|&player| self.tick_player(player, at, io));
        for track in &slot.listened {
            self.pull(*track, at);
        }
        for &session in &slot.crowds {
            self.choose_loudest(session, at);
        }
        for sum in &mut slot.sums {
            self.tick_sum(sum);
        }
        for &bus in &slot.buses {
            self.tick_bus(bus, &slot.sums, at, io);
        }
        for &tap in &slot.taps {
            self.tick_tap(tap, at);
        }
        slot.pressing.retain(|&port| self.tick_digits(port, at, io));
        *self.wheel.slot(index) = slot;
        while let Some(port) = self.leaving.pop() {
            self.leave_mix(port, at, io);
        }
        while let Some(bus) = self.buses.settled.pop() {
            self.settle(bus, index);
        }
    }

    fn tick_tap(&mut self, id: PortId, at: Nanos) {
        let Some(Port {
            kind: PortKind::Tap(tap),
            ..
        }) = self.ports.get_mut(&id)
        else {
            return;
        };
        let (tracks, rate) = (&self.tracks, tap.rate());
        let frame_of = |track| Some(tracks.get(&track)?.frames.as_ref()?.at(rate));
        let Tapped { lost, tell } = tap.tick(frame_of, at);
        self.counters.tap_frames_lost.add(u64::from(lost));
        if tell {
            self.events.tell(at, Happening::FramesReady { tap: id });
        }
    }

    /// What time brings without packets.
    fn sweep(&mut self, now: Nanos, io: &mut dyn MediaIo) {
        let (mut unfinished, mut set_up) = (Vec::new(), Vec::new());
        for (&id, port) in &mut self.ports {
            let signal = match &mut port.kind {
                PortKind::Rtp(rtp) => {
                    let told = rtp.tend_setup(self.clock, now, io);
                    set_up.extend((told != SetUp::Nothing).then_some((id, told)));
                    rtp.report(&mut self.random, now, io);
                    if rtp.has_timed_out(self.media_timeout, now) {
                        self.events.tell(now, Happening::MediaTimeout { port: id });
                    }
                    rtp.unfinished_press(now)
                        .map(|signal| (id, rtp.track, signal))
                }
                PortKind::WebRtc(port) => port
                    .audio_track()
                    .zip(port.events.handle_timeout(now))
                    .map(|(track, signal)| (id, track, signal)),
                PortKind::Player(_) | PortKind::Recorder | PortKind::Tap(_) => None,
            };
            unfinished.extend(signal);
        }
        for (port, told) in set_up {
            self.tell_setup(port, told, now);
        }
        for (port, track, signal) in unfinished {
            self.take_events(port, track, [Some(signal), None, None], now);
        }
        let (mut torn, mut quiet) = (Vec::new(), Vec::new());
        for (&id, track) in &mut self.tracks {
            if track.digits.mask_waits(now) {
                quiet.push(id);
            }
            if track.has_stopped(now) {
                self.events.tell(now, Happening::MediaStopped { track: id });
            }
            if let Some(video) = track.video.as_mut() {
                let lost = video.has_lost(now);
                torn.extend(video.recorded().filter(|_| lost).map(|layer| (id, layer)));
                torn.extend(video.layers.overdue(now).map(|layer| (id, layer)));
            }
        }
        for track in quiet {
            self.empty_mask(track, true, now, io);
        }
        for (track, layer) in torn {
            self.request_keyframe(track, layer, now); // a viewer asks by himself, a recorder cannot
        }
        self.choose_layers(now);
        for (recorder, end) in std::mem::take(&mut self.closing) {
            self.close_recorder(recorder, end);
        }
    }
}
