//! WebRTC legs behind the worker's one socket: which leg a datagram is for, and what comes out of each.

use std::net::SocketAddr;

use webrtc::{Codec as WireCodec, Event as LegEvent, Leg, Output, Packet};

use super::Worker;
use crate::clock::Nanos;
use crate::codec::Codec;
use crate::command::Reanswer;
use crate::dtmf::EventPacket;
use crate::event::Happening;
use crate::id::{PortId, SessionId, TrackId};
use crate::io::{Endpoint, MediaIo};
use crate::port::webrtc::{audio_codec, for_browsers, Line, WebRtcPort};
use crate::port::{Port, PortKind};
use crate::track::AudioPacket;
use crate::video::VideoPacket;

/// What a leg had.
#[derive(PartialEq)]
enum Polled {
    Packet,
    Other,
    Nothing,
}

/// Addresses one peer may be reached at over its life.
const MAX_ADDRESSES: usize = 16;

impl Worker {
    pub(super) fn open_webrtc(
        &mut self,
        id: PortId,
        session: SessionId,
        leg: Box<Leg>,
        lines: Vec<Line>,
        local: SocketAddr,
        now: Nanos,
    ) {
        self.legs.by_ufrag.insert(leg.local_ufrag().to_owned(), id);
        self.legs.due.insert(id, (local, now));
        self.open_line_tracks(id, session, &lines);
        let port = WebRtcPort::new(id, leg, lines, self.clock, &mut self.random);
        self.open(id, session, PortKind::WebRtc(Box::new(port)));
        self.mark_dirty(id);
    }

    fn open_line_tracks(&mut self, id: PortId, session: SessionId, lines: &[Line]) {
        for line in lines {
            if !self.tracks.contains_key(&line.track) {
                self.open_track(line.track, id, session, line.kind);
            }
            if let Some(track) = self.tracks.get_mut(&line.track) {
                track.codec = track.codec.or(line.audio_codecs().first().copied());
            }
        }
    }

    /// None if there is no such port.
    pub(super) fn reoffer_webrtc(
        &mut self,
        id: PortId,
        offer: &str,
        audio_codecs: &[Codec],
        spare: &[TrackId],
        now: Nanos,
    ) -> Option<Reanswer> {
        let Some(Port {
            session,
            kind: PortKind::WebRtc(port),
        }) = self.ports.get_mut(&id)
        else {
            return None;
        };
        let session = *session;
        let old_ufrag = port.leg.local_ufrag().to_owned();
        port.leg.set_audio_codecs(for_browsers(audio_codecs));
        let answer = match port.leg.reoffer(offer) {
            Ok(answer) => answer,
            Err(error) => return Some(Err(error)),
        };
        let mut spare = spare.iter().copied();
        let known = |mid| port.line_of(mid).map(|line| line.track);
        let lines: Vec<Line> = answer
            .lines
            .iter()
            .filter_map(|line| {
                let track = known(line.mid).or_else(|| spare.next())?;
                Some(Line::new(line, track))
            })
            .collect();
        port.set_lines(lines.clone());
        if port.leg.local_ufrag() != old_ufrag {
            // Checks under the old name may be on their way still, so that stays too until the port closes.
            self.legs
                .by_ufrag
                .insert(port.leg.local_ufrag().to_owned(), id);
        }
        self.open_line_tracks(id, session, &lines);
        self.plan(id, now);
        self.mark_dirty(id);
        Some(Ok((answer, lines)))
    }

    pub(super) fn close_leg(&mut self, port: &mut WebRtcPort, now: Nanos, io: &mut dyn MediaIo) {
        port.leg.close();
        while let Some(output) = port.leg.poll() {
            if let Output::Transmit { remote, datagram } = output {
                io.send(Endpoint::WebRtc, remote, &datagram);
            }
        }
        self.legs.due.remove(&port.id);
        self.legs.by_ufrag.retain(|_, id| *id != port.id);
        self.legs.by_address.retain(|_, id| *id != port.id);
        for track in port.all_tracks() {
            self.close_track(track, now);
        }
    }

    pub(super) fn send_data(&mut self, id: PortId, text: &str) {
        if let Some(Port {
            kind: PortKind::WebRtc(port),
            ..
        }) = self.ports.get_mut(&id)
        {
            port.leg.send_data(text);
            self.mark_dirty(id);
        }
    }

    fn mark_dirty(&mut self, id: PortId) {
        self.legs.dirty.push(id);
    }

    pub(super) fn next_leg_deadline(&self) -> Option<Nanos> {
        self.legs.due.values().map(|(_, due)| *due).min()
    }

    /// Give the time to legs that want it.
    pub(super) fn wake_legs(&mut self, now: Nanos) {
        for (&id, (_, due)) in &mut self.legs.due {
            if *due > now {
                continue;
            }
            if let Some(Port {
                kind: PortKind::WebRtc(port),
                ..
            }) = self.ports.get_mut(&id)
            {
                port.leg.handle_timeout(self.clock.instant(now));
                self.legs.dirty.push(id);
            }
        }
    }

    pub(super) fn receive_webrtc(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        now: Nanos,
        io: &mut dyn MediaIo,
    ) {
        let by_name = stun_ufrag(datagram)
            .and_then(|ufrag| self.legs.by_ufrag.get(ufrag))
            .copied();
        let Some(id) = by_name.or_else(|| self.legs.by_address.get(&from).copied()) else {
            self.counters.ignored.add(1);
            return;
        };
        let Some(&(local, _)) = self.legs.due.get(&id) else {
            return;
        };
        let Some(Port {
            kind: PortKind::WebRtc(port),
            ..
        }) = self.ports.get_mut(&id)
        else {
            return;
        };
        port.leg
            .handle_datagram(self.clock.instant(now), from, local, datagram);
        let malformed = port.leg.malformed();
        self.counters
            .malformed
            .add(malformed - std::mem::replace(&mut port.malformed, malformed));
        if by_name.is_some()
            && !port.addresses.contains(&from)
            && port.addresses.len() < MAX_ADDRESSES
        {
            // The first leg that names itself keeps the address: a forged check cannot take it from a live one.
            if *self.legs.by_address.entry(from).or_insert(id) == id {
                port.addresses.push(from);
            }
        }
        self.poll_received(id, now, io);
    }

    /// Let every leg send what waits in it, and take what it tells.
    pub(super) fn poll_legs(&mut self, now: Nanos, io: &mut dyn MediaIo) {
        while let Some(id) = self.legs.dirty.pop() {
            self.poll_leg(id, now, io);
        }
    }

    fn poll_leg(&mut self, id: PortId, now: Nanos, io: &mut dyn MediaIo) {
        while self.poll_leg_once(id, now, io) != Polled::Nothing {}
    }

    /// After a datagram: once it gave its packet, the leg waits with all else until the end of the batch. Packets come
    /// several at a time, and what str0m looks through at each end costs as much as a packet.
    fn poll_received(&mut self, id: PortId, now: Nanos, io: &mut dyn MediaIo) {
        loop {
            match self.poll_leg_once(id, now, io) {
                Polled::Nothing => return,
                Polled::Packet => return self.mark_dirty(id),
                Polled::Other => {}
            }
        }
    }

    fn poll_leg_once(&mut self, id: PortId, now: Nanos, io: &mut dyn MediaIo) -> Polled {
        let Some(Port {
            kind: PortKind::WebRtc(port),
            ..
        }) = self.ports.get_mut(&id)
        else {
            return Polled::Nothing;
        };
        match port.leg.poll() {
            Some(Output::Event(LegEvent::Packet(packet))) => {
                self.take_leg_packet(id, &packet, now, io);
                return Polled::Packet;
            }
            Some(Output::Transmit { remote, datagram }) => {
                io.send(Endpoint::WebRtc, remote, &datagram)
            }
            Some(Output::Event(event)) => self.take_leg_event(id, event, now),
            None => {
                if let Some((_, due)) = self.legs.due.get_mut(&id) {
                    *due = self.clock.nanos(port.leg.next_timeout());
                }
                return Polled::Nothing;
            }
        }
        Polled::Other
    }

    fn take_leg_event(&mut self, id: PortId, event: LegEvent, now: Nanos) {
        match event {
            LegEvent::Packet(_) => {} // taken where legs are polled
            LegEvent::KeyframeRequest { mid } => self.viewer_needs_keyframe(id, mid, now),
            LegEvent::Data { text, .. } if self.take_hint(id, &text) => {}
            LegEvent::Connected => self.leg_connected(id, now),
            LegEvent::Failed(reason) => {
                let reason = reason.as_str().to_owned();
                self.events
                    .tell(now, Happening::PortFailed { port: id, reason });
            }
            LegEvent::Gone => self.events.tell(now, Happening::PortGone { port: id }),
            LegEvent::Data { label, text } => {
                self.events.tell(
                    now,
                    Happening::DataMessage {
                        port: id,
                        label,
                        text,
                    },
                );
            }
            LegEvent::DataOpen { .. } => {}
        }
    }

    fn leg_connected(&mut self, id: PortId, now: Nanos) {
        self.events.tell(now, Happening::PortConnected { port: id });
        self.choose_layers_for(id, now);
    }

    fn take_leg_packet(&mut self, id: PortId, packet: &Packet, now: Nanos, io: &mut dyn MediaIo) {
        let Some(Port {
            kind: PortKind::WebRtc(port),
            ..
        }) = self.ports.get_mut(&id)
        else {
            return;
        };
        let Some(line) = port.line_of(packet.mid) else {
            return;
        };
        let (track, kind) = (line.track, line.kind);
        let &Packet {
            ssrc,
            timestamp,
            marker,
            ..
        } = packet;
        let (sequence, payload) = (packet.seq as u16, &packet.payload);
        if packet.codec == WireCodec::TelephoneEvent {
            let event = EventPacket {
                ssrc,
                timestamp,
                marker,
                payload,
                rate: packet.clock_rate,
            };
            let signals = port.events.receive(&event, now);
            self.mask_event(track, now, io);
            self.keep_back(track, ssrc, sequence);
            self.take_events(id, track, signals, now);
        } else if let Some(codec) = audio_codec(packet.codec) {
            let level_dbov = packet.audio_level.map(f32::from);
            let packet = AudioPacket {
                codec,
                ssrc,
                sequence,
                timestamp,
                marker,
                payload,
                level_dbov,
            };
            self.deliver_audio(track, &packet, now, io);
        } else {
            self.deliver_video(
                track,
                kind,
                &VideoPacket {
                    layer: packet.layer,
                    ssrc,
                    sequence,
                    timestamp,
                    marker,
                    payload,
                },
                now,
            );
        }
    }
}

/// Our half of the USERNAME of a STUN binding request (RFC 8445 §7.2.2, RFC 8489 §14.3).
fn stun_ufrag(datagram: &[u8]) -> Option<&str> {
    let (header, mut attributes) = datagram.split_at_checked(20)?;
    if header[..2] != [0, 1] || header[4..8] != [0x21, 0x12, 0xA4, 0x42] {
        return None;
    }
    while let Some((head, rest)) = attributes.split_at_checked(4) {
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = rest.get(..length)?;
        if head[..2] == [0, 6] {
            return std::str::from_utf8(value)
                .ok()?
                .split_once(':')
                .map(|(ours, _)| ours);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::stun_ufrag;

    fn binding(attributes: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0, 1, 0, attributes.len() as u8, 0x21, 0x12, 0xA4, 0x42];
        datagram.extend([0; 12]);
        datagram.extend(attributes);
        datagram
    }

    #[test]
    fn the_name_is_found_behind_other_attributes() {
        let attributes = [
            &[0x80, 0x22, 0, 3, 1, 2, 3, 0][..],
            &[0, 6, 0, 7],
            b"ours:it\0",
        ]
        .concat();
        assert_eq!(stun_ufrag(&binding(&attributes)), Some("ours"));
    }

    #[test]
    fn what_is_torn_or_no_request_has_no_name() {
        let whole = binding(&[&[0, 6, 0, 7][..], b"ours:it\0"].concat());
        for end in 0..whole.len() - 1 {
            assert_eq!(stun_ufrag(&whole[..end]), None, "cut at {end}");
        }
        assert_eq!(
            stun_ufrag(&binding(&[0, 6, 0, 4, b'o', b'u', b'r', b's'])),
            None
        );
        assert_eq!(stun_ufrag(&binding(&[0, 6, 0, 2, 0xFF, b':'])), None);
        assert_eq!(stun_ufrag(&[0x80; 40]), None);
    }
}
