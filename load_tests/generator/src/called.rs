//! The called parties: one UDP port that answers every INVITE at once.

use std::collections::HashMap;
use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::Sender;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::media::Target;
use crate::{sdes, sip};

/// The SDP for an RTP port.
pub type Describe = Box<dyn Fn(u16) -> String + Send>;

pub struct Called {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Called {
    /// Answer calls to `port`; call number k takes the k-th RTP port, and its stream learns where to send.
    /// `srtp`: with AES-128-GCM, or not at all.
    pub fn start(
        port: u16,
        rtp_ports: Vec<(usize, u16)>,
        targets: Sender<(usize, Target)>,
        srtp: bool,
    ) -> io::Result<Self> {
        Self::serving(port, rtp_ports, targets, Box::new(sip::sdp), srtp)
    }

    /// The same with another description of the audio at a port.
    pub fn answering(
        port: u16,
        rtp_ports: Vec<(usize, u16)>,
        targets: Sender<(usize, Target)>,
        describe: Describe,
    ) -> io::Result<Self> {
        Self::serving(port, rtp_ports, targets, describe, false)
    }

    fn serving(
        port: u16,
        rtp_ports: Vec<(usize, u16)>,
        targets: Sender<(usize, Target)>,
        describe: Describe,
        srtp: bool,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind(("127.0.0.1", port))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let stop = Arc::new(AtomicBool::new(false));
        let mut party = Party {
            contact: format!("sip:bench@127.0.0.1:{port}"),
            rtp_ports,
            targets,
            describe,
            srtp,
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
    targets: Sender<(usize, Target)>,
    describe: Describe,
    srtp: bool,
    /// Our description in each call.
    calls: HashMap<String, String>,
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
        if let Some(sdp) = self.calls.get(&call_id) {
            return Some(self.accept(request, sdp));
        }
        let index = self.calls.len();
        let Some(&(stream, port)) = self.rtp_ports.get(index) else {
            let busy = "486 Busy Here";
            return Some(sip::response(request, busy, &self.contact, "load", ""));
        };
        let mut target = Target::from(sip::audio_address(request)?);
        let mut sdp = (self.describe)(port);
        if self.srtp {
            let (guard, line) = sdes::answer(request, index)?;
            target.guard = Some(guard);
            sdp.push_str(&line);
        }
        self.targets.send((stream, target)).ok()?;
        let reply = self.accept(request, &sdp);
        self.calls.insert(call_id, sdp);
        Some(reply)
    }

    fn accept(&self, request: &str, sdp: &str) -> String {
        sip::response(request, "200 OK", &self.contact, "load", sdp)
    }
}
