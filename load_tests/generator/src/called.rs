//! The called parties: one UDP port that answers every INVITE at once.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::Sender;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::sip;

/// The SDP for an RTP port.
pub type Describe = Box<dyn Fn(u16) -> String + Send>;

pub struct Called {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Called {
    /// Answer calls to `port`; call number k takes the k-th RTP port, and its stream learns where to send.
    pub fn start(
        port: u16,
        rtp_ports: Vec<(usize, u16)>,
        targets: Sender<(usize, SocketAddr)>,
    ) -> io::Result<Self> {
        Self::answering(port, rtp_ports, targets, Box::new(sip::sdp))
    }

    /// The same with another description of the audio at a port.
    pub fn answering(
        port: u16,
        rtp_ports: Vec<(usize, u16)>,
        targets: Sender<(usize, SocketAddr)>,
        describe: Describe,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind(("127.0.0.1", port))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut party = Party {
            contact: format!("sip:bench@127.0.0.1:{port}"),
            rtp_ports,
            targets,
            describe,
            calls: HashMap::new(),
        };
        let thread = thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                let mut buffer = [0u8; 65_536];
                while !stop.load(Relaxed) {
                    let Ok((length, from)) = socket.recv_from(&mut buffer) else {
                        continue;
                    };
                    let reply = std::str::from_utf8(&buffer[..length])
                        .ok()
                        .and_then(|text| party.answer(text));
                    if let Some(reply) = reply {
                        let _ = socket.send_to(reply.as_bytes(), from); // a lost reply is sent again on retransmission
                    }
                }
            }
        });
        Ok(Self { stop, thread })
    }

    pub fn finish(self) {
        self.stop.store(true, Relaxed);
        self.thread
            .join()
            .expect("the called parties' thread panicked");
    }
}

struct Party {
    contact: String,
    rtp_ports: Vec<(usize, u16)>,
    targets: Sender<(usize, SocketAddr)>,
    describe: Describe,
    calls: HashMap<String, usize>,
}

impl Party {
    fn answer(&mut self, request: &str) -> Option<String> {
        let call_id = sip::header(request, "Call-ID")?.to_owned();
        match sip::method(request) {
            "ACK" => None,
            "INVITE" => self.take(request, call_id),
            _ => Some(sip::response(request, "200 OK", &self.contact, "load", "")),
        }
    }

    /// A first INVITE, its retransmission or a re-INVITE: all are answered with the call's one description.
    fn take(&mut self, request: &str, call_id: String) -> Option<String> {
        let next = self.calls.len();
        let index = *self.calls.entry(call_id).or_insert(next);
        let Some(&(stream, port)) = self.rtp_ports.get(index) else {
            return Some(sip::response(
                request,
                "486 Busy Here",
                &self.contact,
                "load",
                "",
            ));
        };
        let target = sip::audio_address(request)?;
        self.targets.send((stream, target)).ok()?;
        Some(sip::response(
            request,
            "200 OK",
            &self.contact,
            "load",
            &(self.describe)(port),
        ))
    }
}
