//! What time brings: frames of players and mixers, reports, time-outs.

use super::Worker;
use crate::clock::{Nanos, MILLISECOND};
use crate::codec::Rate;
use crate::event::Happening;
use crate::id::{PortId, TrackId};
use crate::io::MediaIo;
use crate::port::audio_out::Plan;
use crate::port::setup::SetUp;
use crate::port::tap::Tapped;
use crate::port::{Port, PortKind};
use crate::recording::{Record, RecordCodec};

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

    /// Make a player's frame and give it to those who have it; false when it has fallen silent.
    fn tick_player(&mut self, id: PortId, at: Nanos, io: &mut dyn MediaIo) -> bool {
        // Taken out, so that player and listeners can be had at once; putting it back allocates nothing.
        let Some(mut port) = self.ports.remove(&id) else {
            return false;
        };
        let mut goes_on = false;
        if let PortKind::Player(player) = &mut port.kind {
            if player.is_starved() {
                self.ports.insert(id, port);
                return true; // its writer may go on at any time
            }
            let mut frame = [0; Rate::Wide.frame()];
            let finished = player.fill(&mut frame);
            let track = self.tracks.get_mut(&player.track);
            if let Some(frames) = track.and_then(|track| track.frames.as_mut()) {
                frames.fill(|samples| samples.copy_from_slice(&frame));
            }
            self.hand_out(player, at, io);
            let silent = player.is_silent();
            goes_on = !silent || player.has_source();
            if silent {
                self.silence_player(player.track);
            }
            if let Some(finished) = finished {
                self.tell_finished(id, finished, at);
            }
        }
        self.ports.insert(id, port);
        goes_on
    }

    /// Give a player's frame to those who relay or record it.
    fn hand_out(
        &mut self,
        player: &mut crate::port::player::PlayerPort,
        at: Nanos,
        io: &mut dyn MediaIo,
    ) {
        let id = player.track;
        let Some(frames) = self
            .tracks
            .get(&id)
            .and_then(|track| track.frames.as_deref())
        else {
            return;
        };
        for crosspoint in self.matrix.from(id) {
            let Some(port) = self.ports.get_mut(&crosspoint.destination) else {
                continue;
            };
            if let PortKind::Recorder = port.kind {
                let (recorder, codec) = (crosspoint.destination, RecordCodec::L16);
                let record = Record {
                    recorder,
                    track: id,
                    codec,
                    at,
                    ssrc: 0,
                    sequence: 0,
                    timestamp: 0,
                    marker: false,
                };
                let mut payload = [0; 2 * Rate::Wide.frame()];
                for (bytes, sample) in payload.chunks_exact_mut(2).zip(frames.at(Rate::Wide)) {
                    bytes.copy_from_slice(&sample.to_le_bytes());
                }
                let lost = !self.tape.packet(&record, &payload);
                self.counters.recording_lost.add(u64::from(lost));
                continue;
            }
            let Some(out) = port
                .audio_out()
                .filter(|out| out.plan == Plan::Relay(id) && !out.digits.is_busy())
            else {
                continue;
            };
            let Some(codec) = out.preferred() else {
                continue;
            };
            let audio = out.frame(codec, player.encode(codec, frames), at);
            if port.kind.send(&audio, at, io) {
                self.legs.dirty.push(crosspoint.destination);
            }
        }
    }

    /// A player has ended: those who mix it hear silence, those who relay it get no more packets.
    fn silence_player(&mut self, id: TrackId) {
        if let Some(frames) = self
            .tracks
            .get_mut(&id)
            .and_then(|track| track.frames.as_mut())
        {
            frames.silence();
        }
        for crosspoint in self.matrix.from(id) {
            let out = self
                .ports
                .get_mut(&crosspoint.destination)
                .and_then(Port::audio_out);
            if let Some(out) = out.filter(|out| out.plan == Plan::Relay(id)) {
                out.stream.pause();
            }
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
