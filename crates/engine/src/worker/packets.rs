//! Packets come in and go where their track is had.

use std::net::SocketAddr;

use super::Worker;
use crate::clock::Nanos;
use crate::event::Happening;
use crate::id::{PortId, TrackId};
use crate::io::{Endpoint, MediaIo};
use crate::port::rtp::Received;
use crate::port::setup::{is_setup, SetUp};
use crate::port::{Port, PortKind};
use crate::recording::{Record, RecordCodec};
use crate::track::AudioPacket;

impl Worker {
    /// Take a datagram: relayed at once, or kept to mix.
    pub fn receive(
        &mut self,
        at: Endpoint,
        from: SocketAddr,
        datagram: &[u8],
        now: Nanos,
        io: &mut dyn MediaIo,
    ) {
        self.counters.packets_in.add(1);
        match at {
            Endpoint::Rtp(id) => self.receive_rtp(id, false, from, datagram, now, io),
            Endpoint::Rtcp(id) => self.receive_rtp(id, true, from, datagram, now, io),
            Endpoint::WebRtc => self.receive_webrtc(from, datagram, now, io),
        }
    }

    /// `is_rtcp`: it came to the port of RTCP alone.
    fn receive_rtp(
        &mut self,
        id: PortId,
        is_rtcp: bool,
        from: SocketAddr,
        datagram: &[u8],
        now: Nanos,
        io: &mut dyn MediaIo,
    ) {
        let Some(Port {
            kind: PortKind::Rtp(rtp),
            ..
        }) = self.ports.get_mut(&id)
        else {
            return;
        };
        if is_setup(datagram) {
            let told = rtp.receive_setup(is_rtcp, from, datagram, self.clock, now, io);
            return self.tell_setup(id, told, now);
        }
        if !rtp.is_guarded() {
            return self.take_rtp(id, is_rtcp, from, datagram, now, io);
        }
        let mut room = std::mem::take(&mut self.clear);
        match rtp.unprotect(datagram, is_rtcp, &mut room) {
            Some(clear) => self.take_rtp(id, is_rtcp, from, clear, now, io),
            None => self.counters.ignored.add(1),
        }
        self.clear = room;
    }

    /// What came of checks and handshakes.
    pub(super) fn tell_setup(&mut self, port: PortId, told: SetUp, now: Nanos) {
        match told {
            SetUp::Nothing => {}
            SetUp::Ignored => self.counters.ignored.add(1),
            SetUp::Connected => self.events.tell(now, Happening::PortConnected { port }),
            SetUp::Failed(reason) => {
                self.events
                    .tell(now, Happening::PortFailed { port, reason });
            }
        }
    }

    fn take_rtp(
        &mut self,
        id: PortId,
        is_rtcp: bool,
        from: SocketAddr,
        datagram: &[u8],
        now: Nanos,
        io: &mut dyn MediaIo,
    ) {
        let Some(Port {
            kind: PortKind::Rtp(rtp),
            ..
        }) = self.ports.get_mut(&id)
        else {
            return;
        };
        if is_rtcp {
            if let Received::Malformed = rtp.receive_rtcp(from, datagram, now) {
                self.counters.malformed.add(1);
            }
            return;
        }
        let (track, settled) = (rtp.track, rtp.settled());
        let received = rtp.receive(from, datagram, now);
        if settled.is_none() {
            if let peer @ Some(_) = rtp.settled() {
                io.settle(Endpoint::Rtp(id), peer);
            }
        }
        match received {
            Received::Audio(packet) => self.deliver_audio(track, &packet, now, io),
            Received::Event {
                ssrc,
                sequence,
                signals,
            } => {
                self.mask_event(track, now, io);
                self.keep_back(track, ssrc, sequence);
                self.take_events(id, track, signals, now);
            }
            Received::Noise {
                ssrc,
                sequence,
                timestamp,
                payload,
            } => {
                self.mask_event(track, now, io);
                self.keep_back(track, ssrc, sequence);
                if let Some(track) = self.tracks.get_mut(&track) {
                    track.listen_to_noise(ssrc, timestamp, payload, now);
                }
            }
            Received::Report => {}
            Received::Ignored => self.counters.ignored.add(1),
            Received::Malformed => self.counters.malformed.add(1),
        }
    }

    /// Hand a packet of a track to everyone who has the track, unless a mask keeps it back.
    pub(super) fn deliver_audio(
        &mut self,
        id: TrackId,
        packet: &AudioPacket<'_>,
        now: Nanos,
        io: &mut dyn MediaIo,
    ) {
        self.hand_on(id, packet, false, now, io);
    }

    /// As `deliver_audio`; `has_passed`: the mask has seen the packet.
    pub(super) fn hand_on(
        &mut self,
        id: TrackId,
        packet: &AudioPacket<'_>,
        has_passed: bool,
        now: Nanos,
        io: &mut dyn MediaIo,
    ) {
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        if track.digits.mask.is_some() && !has_passed {
            return self.pass_mask(id, packet, now, io);
        }
        if track.note(now) {
            self.events.tell(now, Happening::MediaStarted { track: id });
        }
        if track.codec == Some(packet.codec) {
            track.listen(packet, now);
        } else {
            self.set_codec(id, packet.codec, now);
            if let Some(track) = self.tracks.get_mut(&id) {
                track.listen(packet, now);
            }
        }
        for crosspoint in self.matrix.from(id) {
            let Some(port) = self.ports.get_mut(&crosspoint.destination) else {
                continue;
            };
            if let PortKind::Recorder = port.kind {
                let AudioPacket {
                    ssrc,
                    sequence,
                    timestamp,
                    marker,
                    payload,
                    ..
                } = *packet;
                let (recorder, codec) = (crosspoint.destination, RecordCodec::Audio(packet.codec));
                let record = Record {
                    recorder,
                    track: id,
                    codec,
                    at: now,
                    ssrc,
                    sequence,
                    timestamp,
                    marker,
                };
                let lost = !self.tape.packet(&record, payload);
                self.counters.recording_lost.add(u64::from(lost));
            } else if let Some(audio) = port.audio_out().and_then(|out| out.relay(id, packet, now))
            {
                if port.kind.send(&audio, now, io) {
                    self.legs.dirty.push(crosspoint.destination);
                }
            }
        }
    }

    /// A packet of the track came.
    pub(super) fn note(&mut self, id: TrackId, now: Nanos) {
        if self
            .tracks
            .get_mut(&id)
            .is_some_and(|track| track.note(now))
        {
            self.events.tell(now, Happening::MediaStarted { track: id });
        }
    }

    /// A packet of a track is not handed on; those who relay the track close the hole.
    pub(super) fn keep_back(&mut self, id: TrackId, ssrc: u32, sequence: u16) {
        for crosspoint in self.matrix.from(id) {
            if let Some(out) = self
                .ports
                .get_mut(&crosspoint.destination)
                .and_then(Port::audio_out)
            {
                out.stream.skip(id, ssrc, sequence);
            }
        }
    }
}
