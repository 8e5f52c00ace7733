//! What the next packets will touch. With hundreds of calls little of it is still in the processor's cache when a
//! call's next packet comes; found for several packets at once, it comes while others are waited for.

use super::Worker;
use crate::id::PortId;
use crate::io::{Endpoint, MediaIo};
use crate::matrix::Crosspoint;
use crate::near;
use crate::port::rtp::RtpPort;
use crate::port::{Port, PortKind};

/// Packets that are looked at together.
const MOST: usize = 16;

impl Worker {
    /// Packets come to these endpoints next. Each loop finds its way by what the one before has asked for.
    pub fn expect(&self, endpoints: &[Endpoint], io: &dyn MediaIo) {
        let (mut from, mut to) = ([None; MOST], [None; MOST]);
        let mut crosspoints: [&[Crosspoint]; MOST] = [&[]; MOST];
        for (port, endpoint) in from.iter_mut().zip(endpoints) {
            *port = match endpoint {
                Endpoint::Rtp(id) => self.rtp_port(*id),
                Endpoint::Rtcp(_) | Endpoint::WebRtc => None,
            };
            port.inspect(|port| port.fetch_for_receiving());
        }
        for (port, crosspoints) in from.iter().flatten().zip(&mut crosspoints) {
            self.tracks.get(&port.track).inspect(|track| track.fetch());
            *crosspoints = self.matrix.from(port.track);
            near::fetch(*crosspoints, 0, size_of::<Crosspoint>());
            port.guard().inspect(|guard| guard.fetch_for_receiving());
        }
        for (crosspoints, port) in crosspoints.iter().zip(&mut to) {
            // Whoever has it besides is found when the packet comes.
            for crosspoint in crosspoints.iter().take(2) {
                if let Some(found) = self.rtp_port(crosspoint.destination) {
                    found.fetch_for_sending();
                    *port = Some(found);
                }
            }
        }
        for port in from.iter().flatten() {
            port.guard().inspect(|guard| guard.touch_received());
        }
        for port in to.iter().flatten() {
            port.guard().inspect(|guard| guard.fetch_for_sending());
            io.expect(Endpoint::Rtp(port.id));
        }
        for port in to.iter().flatten() {
            port.guard().inspect(|guard| guard.touch_sent());
        }
    }

    fn rtp_port(&self, id: PortId) -> Option<&RtpPort> {
        match self.ports.get(&id) {
            Some(Port {
                kind: PortKind::Rtp(port),
                ..
            }) => Some(port),
            _ => None,
        }
    }
}
