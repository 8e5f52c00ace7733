//! The callers: one UDP socket that places calls at a steady rate, keeps them and hangs up.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use crate::media::Target;
use crate::sip;

const T1: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Inviting,
    Answered,
    Leaving,
    Ended,
    Failed(u16),
}

struct Call {
    id: String,
    rtp: (usize, u16),
    state: State,
    /// The request that waits for its final response, and when it is sent again (§17.1.1.2 Timer A, §17.1.2.2 Timer E).
    pending: String,
    resend_at: Instant,
    interval: Duration,
    ack: String,
    to: String,
    remote_target: String,
}

pub struct Callers {
    socket: UdpSocket,
    address: SocketAddr,
    server: SocketAddr,
    number: String,
    targets: Sender<(usize, Target)>,
    calls: Vec<Call>,
    by_id: HashMap<String, usize>,
}

impl Callers {
    pub fn new(
        server: SocketAddr,
        number: &str,
        targets: Sender<(usize, Target)>,
    ) -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(2)))?;
        let address = socket.local_addr()?;
        Ok(Self {
            socket,
            address,
            server,
            number: number.into(),
            targets,
            calls: Vec::new(),
            by_id: HashMap::new(),
        })
    }

    pub fn answered(&self) -> usize {
        self.count(State::Answered)
    }

    pub fn ended(&self) -> usize {
        self.count(State::Ended)
    }

    /// The statuses of the calls that were refused.
    pub fn refusals(&self) -> Vec<u16> {
        let refused = |call: &Call| {
            if let State::Failed(status) = call.state {
                Some(status)
            } else {
                None
            }
        };
        self.calls.iter().filter_map(refused).collect()
    }

    fn count(&self, state: State) -> usize {
        self.calls.iter().filter(|call| call.state == state).count()
    }

    pub fn invite(&mut self, rtp: (usize, u16)) -> io::Result<()> {
        let index = self.calls.len();
        let id = format!("load-{}-{index}", self.address.port());
        let uri = format!("sip:{}@{}", self.number, self.server);
        let to = format!("<{uri}>");
        let pending = sip::with_body(
            self.request("INVITE", "invite", &uri, &id, &to),
            &sip::sdp(rtp.1),
        );
        self.socket.send_to(pending.as_bytes(), self.server)?;
        self.by_id.insert(id.clone(), index);
        self.calls.push(Call {
            id,
            rtp,
            state: State::Inviting,
            pending,
            resend_at: Instant::now() + T1,
            interval: T1,
            ack: String::new(),
            to,
            remote_target: uri,
        });
        Ok(())
    }

    pub fn hang_up(&mut self, index: usize) -> io::Result<()> {
        let call = &self.calls[index];
        if call.state != State::Answered {
            return Ok(());
        }
        let bye = sip::with_body(
            self.request("BYE", "bye", &call.remote_target, &call.id, &call.to),
            "",
        );
        self.socket.send_to(bye.as_bytes(), self.server)?;
        let call = &mut self.calls[index];
        (call.state, call.pending) = (State::Leaving, bye);
        (call.resend_at, call.interval) = (Instant::now() + T1, T1);
        Ok(())
    }

    /// Serve the socket until the instant, or earlier once `done` says so.
    pub fn serve(&mut self, until: Instant, done: impl Fn(&Self) -> bool) -> io::Result<()> {
        let mut buffer = [0u8; 65_536];
        while Instant::now() < until && !done(self) {
            if let Ok((length, from)) = self.socket.recv_from(&mut buffer) {
                if let Ok(text) = std::str::from_utf8(&buffer[..length]) {
                    self.take(text, from)?;
                }
            }
            self.resend_due()?;
        }
        Ok(())
    }

    fn resend_due(&mut self) -> io::Result<()> {
        let now = Instant::now();
        for call in &mut self.calls {
            if !call.pending.is_empty() && now >= call.resend_at {
                self.socket.send_to(call.pending.as_bytes(), self.server)?;
                call.interval *= 2;
                call.resend_at = now + call.interval;
            }
        }
        Ok(())
    }

    fn take(&mut self, message: &str, from: SocketAddr) -> io::Result<()> {
        let Some(&index) = sip::header(message, "Call-ID").and_then(|id| self.by_id.get(id)) else {
            return Ok(());
        };
        let Some(status) = sip::status(message) else {
            return self.take_request(index, message, from);
        };
        let cseq = sip::header(message, "CSeq").unwrap_or_default();
        if cseq.ends_with("INVITE") {
            self.take_invite_response(index, status, message)
        } else if cseq.ends_with("BYE") && status >= 200 {
            let call = &mut self.calls[index];
            call.pending.clear();
            call.state = State::Ended;
            Ok(())
        } else {
            Ok(())
        }
    }

    /// BYE ends the call; a re-INVITE is answered with the same description; OPTIONS and the like are fine.
    fn take_request(&mut self, index: usize, request: &str, from: SocketAddr) -> io::Result<()> {
        let call = &mut self.calls[index];
        let body = match sip::method(request) {
            "ACK" => return Ok(()),
            "INVITE" => sip::sdp(call.rtp.1),
            "BYE" => {
                call.state = State::Ended;
                call.pending.clear();
                String::new()
            }
            _ => String::new(),
        };
        let contact = format!("sip:load@{}", self.address);
        self.socket.send_to(
            sip::response(request, "200 OK", &contact, "load", &body).as_bytes(),
            from,
        )?;
        Ok(())
    }

    fn take_invite_response(&mut self, index: usize, status: u16, message: &str) -> io::Result<()> {
        let call = &mut self.calls[index];
        if status < 200 {
            call.pending.clear(); // the server has it: Timer A stops (§17.1.1.2)
            return Ok(());
        }
        if call.ack.is_empty() {
            call.pending.clear();
            call.to = sip::header(message, "To").unwrap_or_default().to_owned();
            if status < 300 {
                call.remote_target = sip::header(message, "Contact")
                    .map_or(call.remote_target.clone(), |c| sip::uri(c).to_owned());
                call.state = State::Answered;
                if let Some(target) = sip::audio_address(message) {
                    let _ = self.targets.send((call.rtp.0, target.into())); // the media thread ends after us
                }
            } else {
                call.state = State::Failed(status);
            }
            let branch = if status < 300 { "ack" } else { "invite" };
            let call = &self.calls[index];
            self.calls[index].ack = sip::with_body(
                self.request("ACK", branch, &call.remote_target, &call.id, &call.to),
                "",
            );
        }
        self.socket
            .send_to(self.calls[index].ack.as_bytes(), self.server)?;
        Ok(())
    }

    /// `branch` names the transaction: the ACK of a failure belongs to the INVITE's (RFC 3261 §17.1.1.3).
    fn request(&self, method: &str, branch: &str, uri: &str, call_id: &str, to: &str) -> String {
        let address = self.address;
        let cseq = if method == "BYE" { 2 } else { 1 };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{call_id}-{branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:load@{address}>;tag={call_id}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:load@{address}>\r\n"
        )
    }
}
