//! All people of a run, served by one thread: each sends what is due and checks what comes.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::flow::{payload, stamp_of, Kind, Stamp};
use super::peer::{Arrival, Browser, Failure, Identity, Outgoing, WIRE_OVERHEAD};
use crate::media::{Measured, Window};
use crate::net::{now_ns, open_stamped, receive_stamped, Poller};

const PERIOD: Duration = Duration::from_micros(500);
/// A send later than so is the generator's own fault.
const LATE_NS: u64 = 1_000_000;

enum End {
    Browser(Box<Browser>),
    /// To and from the bare forwarder.
    Plain {
        socket: UdpSocket,
        target: SocketAddr,
    },
}

/// One medium that a person sends.
struct Flow {
    kind: Kind,
    due_ns: u64,
    frames: u32,
    sent: u32,
    keyframe: bool,
    /// By those who receive it.
    seen: Vec<bool>,
}

struct Person {
    end: End,
    flows: Vec<Flow>,
    /// Who is heard, once somebody was; nobody else may be.
    partner: Option<u32>,
    heard: [bool; 2],
}

impl Person {
    fn socket(&self) -> &UdpSocket {
        match &self.end {
            End::Browser(browser) => &browser.socket,
            End::Plain { socket, .. } => socket,
        }
    }

    fn is_connected(&self) -> bool {
        match &self.end {
            End::Browser(browser) => browser.connected,
            End::Plain { .. } => true,
        }
    }
}

pub struct People {
    people: Vec<Person>,
    poller: Poller,
    kinds: &'static [Kind],
    pub window: Arc<Window>,
    measured: Measured,
}

fn kinds(video: bool) -> &'static [Kind] {
    if video {
        &[Kind::Audio, Kind::Video]
    } else {
        &[Kind::Audio]
    }
}

impl People {
    fn new(ends: Vec<End>, video: bool) -> io::Result<Self> {
        let (kinds, poller) = (kinds(video), Poller::new()?);
        let people: Vec<Person> = ends
            .into_iter()
            .map(|end| Person {
                end,
                flows: Vec::new(),
                partner: None,
                heard: [false, !video],
            })
            .collect();
        for (token, person) in people.iter().enumerate() {
            poller.add(person.socket(), token)?;
        }
        Ok(Self {
            people,
            poller,
            kinds,
            window: Arc::default(),
            measured: Measured::default(),
        })
    }

    /// People with browsers, and the offer of each.
    pub fn offering(count: usize, video: bool) -> Result<(Self, Vec<String>), Failure> {
        let (identity, now) = (Identity::new()?, Instant::now());
        let (mut ends, mut offers) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (browser, offer) = Browser::offering(&identity, now)?;
            ends.push(End::Browser(Box::new(browser)));
            offers.push(offer);
        }
        Ok((Self::new(ends, video)?, offers))
    }

    /// People who send what WebRTC would put on the wire, without any of it, where `targets` says.
    pub fn plain(
        count: usize,
        video: bool,
        targets: impl FnOnce(&[u16]) -> Result<Vec<SocketAddr>, Failure>,
    ) -> Result<Self, Failure> {
        let sockets = (0..count)
            .map(|_| open_stamped())
            .collect::<io::Result<Vec<_>>>()?;
        let ports = sockets
            .iter()
            .map(|socket| Ok(socket.local_addr()?.port()))
            .collect::<io::Result<Vec<_>>>()?;
        let ends = sockets
            .into_iter()
            .zip(targets(&ports)?)
            .map(|(socket, target)| End::Plain { socket, target });
        Ok(Self::new(ends.collect(), video)?)
    }

    pub fn take_answer(&mut self, person: usize, sdp: &str) -> Result<(), Failure> {
        match self.people.get_mut(person).map(|person| &mut person.end) {
            Some(End::Browser(browser)) => browser.take_answer(sdp),
            _ => Err(format!("no offer {person}").into()),
        }
    }

    pub fn connected(&self) -> usize {
        self.people.iter().filter(|p| p.is_connected()).count()
    }

    /// Everybody hears, and sees, somebody.
    pub fn all_meet(&self) -> bool {
        self.people.iter().all(|p| p.heard == [true, true])
    }

    /// How many hear, and how many see, somebody.
    pub fn met(&self) -> [usize; 2] {
        [0, 1].map(|kind| self.people.iter().filter(|p| p.heard[kind]).count())
    }

    pub fn into_measured(self) -> Measured {
        self.measured
    }

    /// Send and receive until the instant, or earlier once `done` says so.
    pub fn serve(
        &mut self,
        until: Instant,
        mut done: impl FnMut(&mut Self) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let mut next = Instant::now();
        while Instant::now() < until && !done(self)? {
            self.receive_all()?;
            for index in 0..self.people.len() {
                self.send_due(index)?;
            }
            next = (next + PERIOD).max(Instant::now());
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        Ok(())
    }

    fn receive_all(&mut self) -> Result<(), Failure> {
        let mut buffer = [0u8; 2048];
        let ready: Vec<usize> = self.poller.ready(false).collect();
        for index in ready {
            while let Some((length, at_ns)) =
                receive_stamped(self.people[index].socket(), &mut buffer)
            {
                self.take(index, &buffer[..length], at_ns)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, index: usize, datagram: &[u8], at_ns: u64) -> Result<(), Failure> {
        let mut stamps = Vec::new();
        let mut foreign = 0;
        let mut note = |payload: &[u8]| match stamp_of(payload) {
            Some(stamp) => stamps.push(stamp),
            None => foreign += 1,
        };
        let person = &mut self.people[index];
        match &mut person.end {
            End::Plain { .. } => note(&datagram[..datagram.len().saturating_sub(WIRE_OVERHEAD)]),
            End::Browser(browser) => {
                let mut keyframe = false;
                browser.take_datagram(datagram, Instant::now(), |arrival| match arrival {
                    Arrival::Payload(payload) => note(payload),
                    Arrival::KeyframeWanted => keyframe = true,
                })?;
                if keyframe {
                    person
                        .flows
                        .iter_mut()
                        .for_each(|flow| flow.keyframe = true);
                }
            }
        }
        // Before the window it may be the music of the queue.
        if self.window.holds(at_ns) {
            self.measured.foreign += foreign;
        }
        for stamp in stamps {
            self.count(index, stamp, at_ns);
        }
        Ok(())
    }

    fn count(&mut self, receiver: usize, stamp: Stamp, at_ns: u64) {
        let person = &mut self.people[receiver];
        if *person.partner.get_or_insert(stamp.sender) != stamp.sender
            || stamp.sender as usize == receiver
        {
            self.measured.foreign += u64::from(self.window.holds(at_ns));
            return;
        }
        person.heard[usize::from(stamp.kind == Kind::Video)] = true;
        if !self.window.holds(stamp.sent_ns) {
            return;
        }
        let sender = self.people.get_mut(stamp.sender as usize);
        let Some(flow) = sender.and_then(|p| p.flows.iter_mut().find(|f| f.kind == stamp.kind))
        else {
            self.measured.foreign += 1;
            return;
        };
        let number = stamp.number as usize;
        if flow.seen.len() <= number {
            flow.seen.resize(number + 1, false);
        }
        if std::mem::replace(&mut flow.seen[number], true) {
            self.measured.duplicates += 1;
            return;
        }
        self.measured.received += 1;
        let latency_ns = at_ns.saturating_sub(stamp.sent_ns);
        self.measured.latencies_ns.push(latency_ns);
    }

    fn send_due(&mut self, index: usize) -> Result<(), Failure> {
        let count = self.people.len() as u64;
        let person = &mut self.people[index];
        if person.flows.is_empty() && person.is_connected() {
            let start = now_ns();
            person.flows = self
                .kinds
                .iter()
                .map(|&kind| Flow {
                    kind,
                    // Spread over a period, as independent people are.
                    due_ns: start + index as u64 * kind.period_ns() / count,
                    frames: 0,
                    sent: 0,
                    keyframe: true,
                    seen: Vec::new(),
                })
                .collect();
        }
        let mut queued = false;
        for flow in &mut person.flows {
            let start_ns = now_ns();
            if start_ns < flow.due_ns {
                continue;
            }
            let late = start_ns > flow.due_ns + LATE_NS && self.window.holds(start_ns);
            self.measured.late += u64::from(late);
            flow.due_ns += flow.kind.period_ns();
            let packets = flow.kind.packets();
            for packet in 1..=packets {
                let sent_ns = now_ns();
                let stamp = Stamp {
                    kind: flow.kind,
                    sender: index as u32,
                    number: flow.sent,
                    sent_ns,
                };
                let outgoing = Outgoing {
                    kind: flow.kind,
                    number: flow.sent,
                    timestamp: flow.frames.wrapping_mul(flow.kind.ticks()),
                    marker: flow.kind == Kind::Video && packet == packets,
                    payload: payload(stamp, flow.keyframe),
                };
                flow.sent += 1;
                self.measured.sent += u64::from(self.window.holds(sent_ns));
                send(&mut person.end, outgoing)?;
                queued = true;
            }
            flow.frames += 1;
            flow.keyframe = false;
        }
        let now = Instant::now();
        if let End::Browser(browser) = &mut person.end {
            if browser.is_answered() && (queued || browser.due <= now) {
                let mut keyframe = false;
                browser.take_time(now, |arrival| {
                    keyframe |= matches!(arrival, Arrival::KeyframeWanted);
                })?;
                for flow in &mut person.flows {
                    flow.keyframe |= keyframe;
                }
            }
        }
        Ok(())
    }
}

fn send(end: &mut End, packet: Outgoing) -> Result<(), Failure> {
    match end {
        End::Browser(browser) => browser.queue(packet, Instant::now()),
        End::Plain { socket, target } => {
            let mut datagram = packet.payload;
            datagram.resize(datagram.len() + WIRE_OVERHEAD, 0);
            let _ = socket.send_to(&datagram, *target); // a lost one shows as loss
            Ok(())
        }
    }
}
