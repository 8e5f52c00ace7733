//! What comes before media on the sockets of an RTP port: connectivity checks (RFC 8445) and DTLS (RFC 5764), told
//! apart from it by their first byte (RFC 7983). Until a peer has proved itself the port is shut: nothing is sent, and
//! what comes is not heard.

use std::net::SocketAddr;

use dtls::{Failure, Fingerprint, Handshake, Identity, Keys, Progress};
use ice::{Credentials, Lite};

use super::guard::Guard;
use crate::clock::{Clock, Nanos, SECOND};
use crate::id::PortId;
use crate::io::{Endpoint, MediaIo};

/// The first byte of RTP is above (RFC 7983 §7).
const FIRST_OF_MEDIA: u8 = 128;
const LAST_OF_STUN: u8 = 3;
/// The peer may not have got our last flight: it is kept so long to be sent again.
const AFTERMATH: Nanos = 30 * SECOND;
/// A stranger that began a handshake and was not heard again gives way to another.
const STRANGER: Nanos = 2 * SECOND;

/// Whether a datagram is no media.
pub fn is_setup(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|&byte| byte < FIRST_OF_MEDIA)
}

/// The handshake that signalling agreed on.
#[derive(Clone, Debug, PartialEq)]
pub struct DtlsLink {
    pub identity: Identity,
    /// Of the peer's certificate.
    pub peer: Fingerprint,
    /// We are the client (a=setup:active).
    pub is_active: bool,
}

/// What a datagram or the time brought.
#[derive(Debug, PartialEq)]
pub enum SetUp {
    Nothing,
    Ignored,
    /// The peer has proved itself; media may flow.
    Connected,
    /// It has not, and will not be heard.
    Failed(String),
}

/// As `SetUp`, of one socket, with what the port must note.
enum Step {
    Nothing,
    Ignored,
    /// The peer nominated where it is.
    Moved,
    Keyed(Box<Keys>, SocketAddr),
    Failed(Failure),
}

/// What to do with a step on the port of RTP.
pub(super) enum Turn {
    Told(SetUp),
    Moved,
    Keyed(Box<Keys>, SocketAddr),
}

/// How the port of RTP may be reached, by what signalling said.
#[derive(Clone, Copy)]
pub(super) struct Named {
    pub remote: Option<SocketAddr>,
    pub may_latch: bool,
}

/// Where a turn is taken: the port, the instant, and the way out.
pub(super) struct Scene<'a> {
    pub port: PortId,
    pub clock: Clock,
    pub now: Nanos,
    pub io: &'a mut dyn MediaIo,
}

/// A datagram that came before signalling said what it is.
type Early = (bool, SocketAddr, Box<[u8]>);

#[derive(Default)]
pub(super) struct Setup {
    dtls: Option<DtlsLink>,
    ice: Option<Lite>,
    rtp: Component,
    rtcp: Component,
    /// RTCP has a handshake, hence keys, of its own where it has a port of its own (RFC 5764 §4.1).
    rtcp_guard: Option<Box<Guard>>,
    early: Option<Early>,
}

impl Setup {
    /// A peer that is faster than the answer which names it.
    pub fn keep(setup: &mut Option<Box<Setup>>, early: Early) {
        setup.get_or_insert_default().early = Some(early);
    }

    pub fn take_early(&mut self) -> Option<Early> {
        self.early.take()
    }

    /// What is agreed now; None without DTLS and ICE. An association goes on as long as its two ends are the same.
    pub fn adopt(
        former: Option<Box<Setup>>,
        dtls: Option<&DtlsLink>,
        ice: Option<&Credentials>,
        is_muxed: bool,
    ) -> Option<Box<Setup>> {
        if dtls.is_none() && ice.is_none() {
            return None;
        }
        let mut setup = former.unwrap_or_default();
        if setup.dtls.as_ref() != dtls {
            setup.dtls = dtls.cloned();
            setup.rtp.forget_handshake();
            setup.rtcp.forget_handshake();
            setup.rtcp_guard = None;
        }
        if setup.dtls.is_some() && !is_muxed && setup.rtcp_guard.is_none() {
            setup.rtcp_guard = Some(Box::new(Guard::shut()));
        }
        if setup.ice.as_ref().map(Lite::credentials) != ice {
            setup.ice = ice.cloned().map(Lite::new);
            setup.rtp.expect_nomination();
            setup.rtcp.expect_nomination();
        }
        Some(setup)
    }

    /// Whether the port has keys that came by DTLS with this link.
    pub fn has_keys_of(&self, dtls: &DtlsLink) -> bool {
        self.dtls.as_ref() == Some(dtls) && self.rtp.finished.is_some()
    }

    pub fn has_ice(&self) -> bool {
        self.ice.is_some()
    }

    /// Where the peer nominated to be.
    pub fn nominated(&self) -> Option<SocketAddr> {
        Some(self.rtp.nominated?.at)
    }

    pub fn rtcp_guard(&mut self) -> Option<&mut Guard> {
        self.rtcp_guard.as_deref_mut()
    }

    /// A client speaks first, as soon as it knows whereto.
    pub fn begin(&mut self, named: Named, scene: &mut Scene<'_>) {
        let remote = if self.ice.is_some() {
            self.nominated()
        } else {
            named.remote
        };
        let Some(remote) = remote else { return };
        let to = self.rtp.nominated.map_or(remote, |pair| pair.at);
        self.start(false, to, scene);
        let beside = |at: SocketAddr| SocketAddr::new(at.ip(), at.port().saturating_add(1));
        if self.rtcp_guard.is_some() && self.ice.is_none() {
            self.start(true, beside(remote), scene);
        }
    }

    fn start(&mut self, is_rtcp: bool, to: SocketAddr, scene: &mut Scene<'_>) {
        let component = if is_rtcp {
            &mut self.rtcp
        } else {
            &mut self.rtp
        };
        let Some(link) = self.dtls.as_ref().filter(|link| link.is_active) else {
            return;
        };
        if component.handshake.is_none() && component.finished.is_none() {
            component.shake_hands(link, to, scene);
            component.flush(endpoint(is_rtcp, scene.port), scene.io);
        }
    }

    /// Take a datagram that is no media.
    pub fn receive(
        &mut self,
        is_rtcp: bool,
        from: SocketAddr,
        datagram: &[u8],
        named: Named,
        scene: &mut Scene<'_>,
    ) -> Turn {
        let is_stun = datagram.first().is_some_and(|&byte| byte <= LAST_OF_STUN);
        let step = if is_stun {
            self.receive_check(is_rtcp, from, datagram, scene)
        } else {
            self.receive_dtls(is_rtcp, from, datagram, named, scene)
        };
        self.turn(is_rtcp, step)
    }

    fn receive_check(
        &mut self,
        is_rtcp: bool,
        from: SocketAddr,
        datagram: &[u8],
        scene: &mut Scene<'_>,
    ) -> Step {
        let component = if is_rtcp {
            &mut self.rtcp
        } else {
            &mut self.rtp
        };
        let Some(check) = self
            .ice
            .as_ref()
            .and_then(|ice| ice.receive(from, datagram))
        else {
            return Step::Ignored;
        };
        let at = endpoint(is_rtcp, scene.port);
        scene.io.send(at, from, &check.response[..check.length]);
        component.checked = Some(from);
        let is_better = |priority| {
            component
                .nominated
                .is_none_or(|pair| priority >= pair.priority)
        };
        let Some(priority) = check.nominates.filter(|&priority| is_better(priority)) else {
            return Step::Nothing;
        };
        component.nominated = Some(Pair { at: from, priority });
        self.start(is_rtcp, from, scene);
        Step::Moved
    }

    fn receive_dtls(
        &mut self,
        is_rtcp: bool,
        from: SocketAddr,
        datagram: &[u8],
        named: Named,
        scene: &mut Scene<'_>,
    ) -> Step {
        let has_ice = self.ice.is_some();
        let component = if is_rtcp {
            &mut self.rtcp
        } else {
            &mut self.rtp
        };
        let Some(link) = &self.dtls else {
            return Step::Ignored;
        };
        let may_speak = if has_ice {
            component.was_checked(from)
        } else {
            component.may_speak(from, datagram, link, named, scene.now)
        };
        if !may_speak || (component.handshake.is_none() && component.finished.is_some()) {
            return Step::Ignored;
        }
        component.speak_with(from, link, scene);
        let instant = scene.clock.instant(scene.now);
        let progress = match &mut component.handshake {
            Some(handshake) => handshake.receive(datagram, instant),
            None => Progress::Pending,
        };
        component.flush(endpoint(is_rtcp, scene.port), scene.io);
        component.note(progress, scene.now)
    }

    /// Send again what was lost, and give up what lasts too long.
    pub fn handle_timeout(&mut self, scene: &mut Scene<'_>) -> Turn {
        let mut turn = Turn::Told(SetUp::Nothing);
        for is_rtcp in [true, false] {
            let component = if is_rtcp {
                &mut self.rtcp
            } else {
                &mut self.rtp
            };
            let Some(handshake) = &mut component.handshake else {
                continue;
            };
            let instant = scene.clock.instant(scene.now);
            let progress = handshake.handle_timeout(instant);
            component.flush(endpoint(is_rtcp, scene.port), scene.io);
            let step = component.note(progress, scene.now);
            if component
                .finished
                .is_some_and(|at| scene.now >= at + AFTERMATH)
            {
                component.handshake = None;
            }
            turn = self.turn(is_rtcp, step);
        }
        turn
    }

    /// What happens to RTCP alone is settled here: without it a call goes on.
    fn turn(&mut self, is_rtcp: bool, step: Step) -> Turn {
        match step {
            Step::Ignored => Turn::Told(SetUp::Ignored),
            Step::Moved if !is_rtcp => Turn::Moved,
            Step::Keyed(keys, at) if !is_rtcp => Turn::Keyed(keys, at),
            Step::Failed(failure) if !is_rtcp => Turn::Told(SetUp::Failed(failure.to_string())),
            Step::Keyed(keys, _) => {
                let opened = Guard::adopt(self.rtcp_guard.take(), Some(&(*keys).into()));
                self.rtcp_guard = opened.ok().flatten();
                Turn::Told(SetUp::Nothing)
            }
            Step::Nothing | Step::Moved | Step::Failed(_) => Turn::Told(SetUp::Nothing),
        }
    }
}

fn endpoint(is_rtcp: bool, port: PortId) -> Endpoint {
    if is_rtcp {
        Endpoint::Rtcp(port)
    } else {
        Endpoint::Rtp(port)
    }
}

/// A pair of addresses that the peer chose, and how good it holds it to be.
#[derive(Clone, Copy)]
struct Pair {
    at: SocketAddr,
    priority: u32,
}

/// One of the two sockets.
#[derive(Default)]
struct Component {
    nominated: Option<Pair>,
    /// Whence the last authentic check came.
    checked: Option<SocketAddr>,
    handshake: Option<Handshake>,
    /// With whom the handshake is, and when it was last heard.
    partner: Option<(SocketAddr, Nanos)>,
    /// When the handshake ended, well or not.
    finished: Option<Nanos>,
}

impl Component {
    fn forget_handshake(&mut self) {
        self.handshake = None;
        self.partner = None;
        self.finished = None;
    }

    /// A restart: the pair stays in use until another is nominated (RFC 8445 §9), which any may then be.
    fn expect_nomination(&mut self) {
        if let Some(pair) = &mut self.nominated {
            pair.priority = 0;
        }
    }

    fn was_checked(&self, from: SocketAddr) -> bool {
        self.checked == Some(from) || self.nominated.is_some_and(|pair| pair.at == from)
    }

    /// Without ICE: the host that signalling named; anybody else (a phone behind a NAT) only if he begins a handshake
    /// that we wait for, and nobody else is in one. Whether it is the peer, its certificate tells.
    fn may_speak(
        &self,
        from: SocketAddr,
        datagram: &[u8],
        link: &DtlsLink,
        named: Named,
        now: Nanos,
    ) -> bool {
        let is_named = named.remote.is_some_and(|remote| remote.ip() == from.ip());
        let is_partner = self.partner.is_some_and(|(partner, _)| partner == from);
        let is_taken = self
            .partner
            .is_some_and(|(_, heard)| now < heard + STRANGER);
        let begins = !link.is_active && is_client_hello(datagram);
        is_named
            || is_partner
            || (named.may_latch && begins && !is_taken && self.finished.is_none())
    }

    fn speak_with(&mut self, from: SocketAddr, link: &DtlsLink, scene: &Scene<'_>) {
        let is_another = self.partner.is_some_and(|(partner, _)| partner != from);
        // What was heard from another cannot be continued by this one; a client has asked one question of both.
        let is_stale = is_another && !link.is_active && self.finished.is_none();
        if self.handshake.is_none() || is_stale {
            self.shake_hands(link, from, scene);
        }
        if self.finished.is_none() || !is_another {
            self.partner = Some((from, scene.now));
        }
    }

    fn shake_hands(&mut self, link: &DtlsLink, with: SocketAddr, scene: &Scene<'_>) {
        let instant = scene.clock.instant(scene.now);
        let handshake = Handshake::start(&link.identity, link.is_active, &link.peer, instant);
        self.handshake = Some(handshake);
        self.partner = Some((with, scene.now));
    }

    fn flush(&mut self, endpoint: Endpoint, io: &mut dyn MediaIo) {
        let Some((handshake, (partner, _))) = self.handshake.as_mut().zip(self.partner) else {
            return;
        };
        while let Some(datagram) = handshake.poll() {
            io.send(endpoint, partner, &datagram);
        }
    }

    fn note(&mut self, progress: Progress, now: Nanos) -> Step {
        match (progress, self.partner) {
            (Progress::Done(keys), Some((partner, _))) => {
                self.finished = Some(now);
                Step::Keyed(keys, partner)
            }
            (Progress::Failed(failure), _) => {
                self.finished = Some(now);
                Step::Failed(failure)
            }
            _ => Step::Nothing,
        }
    }
}

/// A handshake record with a ClientHello (RFC 6347 §4.1, §4.2.2).
fn is_client_hello(datagram: &[u8]) -> bool {
    datagram.first() == Some(&22) && datagram.get(13) == Some(&1)
}
