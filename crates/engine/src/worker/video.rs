//! Video goes to those who show or record it, each in the layer that is right for him.

use webrtc::Mid;

use super::Worker;
use crate::clock::Nanos;
use crate::id::{PortId, TrackId};
use crate::overload::Stage;
use crate::port::webrtc::{Forwarded, WebRtcPort};
use crate::port::{Port, PortKind};
use crate::recording::{Record, RecordCodec};
use crate::stats::MediaKind;
use crate::video::{share, with_headroom, Kept, LayerName, VideoPacket, VOICE_BPS};

impl Worker {
    /// Hand a packet of video to everyone who shows or records the track.
    pub(super) fn deliver_video(
        &mut self,
        id: TrackId,
        kind: MediaKind,
        packet: &VideoPacket<'_>,
        now: Nanos,
    ) {
        self.note(id, now);
        let track = self.tracks.get_mut(&id);
        let Some(video) = track.and_then(|track| track.video.as_deref_mut()) else {
            return;
        };
        video.note(packet, now);
        let mut wants_keyframe = false;
        let mut kept = None;
        let mut waiting = Vec::new();
        for crosspoint in self.matrix.from(id) {
            let Some(port) = self.ports.get_mut(&crosspoint.destination) else {
                continue;
            };
            match &mut port.kind {
                PortKind::WebRtc(port) => match port.forward(id, kind, packet, now) {
                    Forwarded::Sent => self.legs.dirty.push(crosspoint.destination),
                    Forwarded::NeedsKeyframe => waiting.push(crosspoint.destination),
                    Forwarded::No => {}
                },
                PortKind::Recorder => match *kept.get_or_insert_with(|| video.keep(packet, now)) {
                    Kept::Yes => {
                        let record = record(crosspoint.destination, id, packet, now);
                        let lost = !self.tape.packet(&record, packet.payload);
                        self.counters.recording_lost.add(u64::from(lost));
                    }
                    Kept::NeedsKeyframe => wants_keyframe = true,
                    Kept::No => {}
                },
                PortKind::Rtp(_) | PortKind::Player(_) | PortKind::Tap(_) => {}
            }
        }
        if wants_keyframe {
            self.request_keyframe(id, packet.layer, now);
        }
        for viewer in waiting {
            self.bring_keyframe(viewer, kind, id, packet.layer, now);
        }
    }

    /// Let a viewer begin with a layer's key frame: the last one, if it came a moment ago, or the next.
    fn bring_keyframe(
        &mut self,
        viewer: PortId,
        kind: MediaKind,
        source: TrackId,
        layer: LayerName,
        now: Nanos,
    ) {
        let track = self.tracks.get(&source);
        let layers = track.and_then(|track| Some(&track.video.as_deref()?.layers));
        let kept = layers.map_or(&[][..], |layers| layers.since_keyframe(layer, now));
        let port = webrtc_port(self.ports.get_mut(&viewer));
        if port.is_some_and(|port| port.catch_up(source, kind, layer, kept, now)) {
            self.legs.dirty.push(viewer);
        } else {
            self.request_keyframe(source, layer, now);
        }
    }

    /// Ask the sender of a video track for a key frame of a layer, unless it was just asked.
    pub(super) fn request_keyframe(&mut self, id: TrackId, layer: LayerName, now: Nanos) {
        let Some(track) = self.tracks.get_mut(&id) else {
            return;
        };
        let Some(video) = track.video.as_deref_mut() else {
            return;
        };
        let Some(port) = webrtc_port(self.ports.get_mut(&track.port)) else {
            return;
        };
        let line = port.lines().iter().find(|line| line.track == id);
        let Some(mid) = line.map(|line| line.mid) else {
            return;
        };
        if video.layers.ask(layer, now) && port.leg.request_keyframe(mid, layer) {
            self.legs.dirty.push(track.port);
        }
    }

    /// Ask for a key frame of every layer that has come.
    pub(super) fn request_keyframes(&mut self, id: TrackId, now: Nanos) {
        let track = self.tracks.get(&id);
        let Some(video) = track.and_then(|track| track.video.as_deref()) else {
            return;
        };
        for layer in video.layers.names().collect::<Vec<_>>() {
            self.request_keyframe(id, layer, now);
        }
    }

    /// A viewer cannot go on without a key frame (PLI or FIR).
    pub(super) fn viewer_needs_keyframe(&mut self, id: PortId, mid: Mid, now: Nanos) {
        let Some(port) = webrtc_port(self.ports.get_mut(&id)) else {
            return;
        };
        let Some(line) = port.line_of(mid).filter(|line| line.kind.is_video()) else {
            return;
        };
        let (kind, out) = (line.kind, port.video(line.kind));
        if out.crosses_keyframe(now) {
            return; // he asks again if he did not get it
        }
        match (out.source(), out.awaited()) {
            (Some(source), Some(layer)) => self.bring_keyframe(id, kind, source, layer, now),
            (Some(source), None) => self.request_keyframes(source, now),
            (None, _) => {}
        }
    }

    /// The source that was connected last is shown, each kind on its own line.
    pub(super) fn plan_video(&mut self, id: PortId, now: Nanos) {
        for kind in MediaKind::VIDEO {
            let of_kind = |track: &&TrackId| self.tracks.get(track).is_some_and(|t| t.kind == kind);
            let source = self.matrix.to(id).iter().rfind(of_kind).copied();
            let Some(port) = webrtc_port(self.ports.get_mut(&id)) else {
                return;
            };
            if port.video_mut(kind).set_source(source) {
                self.choose_layers_for(id, now);
            }
        }
    }

    /// Give every receiver the layers that are right for it now.
    pub(super) fn choose_layers(&mut self, now: Nanos) {
        let shows = |port: &Port| matches!(&port.kind, PortKind::WebRtc(port) if port.leg.is_connected() && port.shows_video());
        let ports = self.ports.iter().filter(|(_, port)| shows(port));
        for id in ports.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.choose_layers_for(id, now);
        }
    }

    /// Before the receiver is connected: ask for the key frame that it will begin with.
    pub(super) fn choose_layers_for(&mut self, id: PortId, now: Nanos) {
        let Some(port) = webrtc_port(self.ports.get_mut(&id)) else {
            return;
        };
        let (bandwidth, dip) = port.bandwidth(now);
        let tracks = &self.tracks;
        let layers = |kind| {
            let source = tracks.get(&port.video(kind).source()?)?;
            Some(&source.video.as_deref()?.layers)
        };
        let (screen, camera) = (layers(MediaKind::Screen), layers(MediaKind::Camera));
        let thins = self.stage >= Stage::Thinning;
        let bandwidth = if thins { Some(0) } else { bandwidth };
        let choice = |dip| {
            let of = |kind, room| port.video(kind).choose(layers(kind)?, room, dip, now);
            share(
                bandwidth,
                |room| of(MediaKind::Screen, room),
                |room| of(MediaKind::Camera, room),
            )
        };
        let (chosen, next) = (choice(dip), choice(0));
        let best = |kind| match layers(kind).filter(|_| !thins) {
            Some(layers) => port.video(kind).best_rate(layers, now),
            None => 0,
        };
        let needed = best(MediaKind::Screen) + best(MediaKind::Camera);
        let rates = next.iter().flatten().map(|picture| picture.bits_per_second);
        let proven = match next == chosen {
            true => 0,
            false => VOICE_BPS + with_headroom(rates.sum()),
        };
        let known =
            [screen, camera].map(|layers| layers.is_some_and(|l| l.live(now).next().is_some()));
        port.want_bandwidth(proven, VOICE_BPS + with_headroom(needed), now);
        let mut asks = Vec::new();
        for ((kind, picture), known) in [MediaKind::Screen, MediaKind::Camera]
            .into_iter()
            .zip(chosen)
            .zip(known)
        {
            let out = port.video_mut(kind);
            let layer = picture.map(|picture| picture.name);
            // Before anything came there is nothing to choose from, and the first key frame is taken.
            if known && out.want(layer) {
                asks.extend(
                    out.source()
                        .zip(layer)
                        .map(|(source, layer)| (kind, source, layer)),
                );
            }
        }
        for (kind, source, layer) in asks {
            self.bring_keyframe(id, kind, source, layer, now);
        }
    }

    /// A page tells how large it shows a picture: `show camera 360`, in its pixels. False if the text is something else.
    pub(super) fn take_hint(&mut self, id: PortId, text: &str) -> bool {
        let mut words = text.split(' ');
        let kind = match (words.next(), words.next()) {
            (Some("show"), Some("camera")) => MediaKind::Camera,
            (Some("show"), Some("screen")) => MediaKind::Screen,
            _ => return false,
        };
        let height = words.next().and_then(|word| word.parse().ok());
        if let (Some(height), Some(port)) = (height, webrtc_port(self.ports.get_mut(&id))) {
            port.video_mut(kind).shown = Some(height);
        }
        true
    }
}

fn webrtc_port(port: Option<&mut Port>) -> Option<&mut WebRtcPort> {
    match &mut port?.kind {
        PortKind::WebRtc(port) => Some(port),
        _ => None,
    }
}

fn record(recorder: PortId, track: TrackId, packet: &VideoPacket<'_>, at: Nanos) -> Record {
    Record {
        recorder,
        track,
        codec: RecordCodec::Vp8,
        at,
        ssrc: packet.ssrc,
        sequence: packet.sequence,
        timestamp: packet.timestamp,
        marker: packet.marker,
    }
}
