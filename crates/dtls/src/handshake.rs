//! One handshake with one peer, in either role.

use std::collections::VecDeque;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_dtls::state::State;
use srtp::{MasterKey, Profile};

use crate::fingerprint::Fingerprint;
use crate::identity::{Identity, FLIGHT_INTERVAL};

/// From a peer's first datagram to the keys.
const PATIENCE: Duration = Duration::from_secs(15);
/// Datagrams that one attempt takes: the library keeps what it cannot read yet, which must not grow for ever.
const MAX_DATAGRAMS: u32 = 64;
/// Of one flight, by us: as often as the library itself would.
const MAX_REPEATS: u32 = 7;
/// The library tells its peers apart by address; each handshake of ours has one, whatever its address.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
/// RFC 5764 §4.2.
const EXPORTER: &str = "EXTRACTOR-dtls_srtp";

/// The SRTP keys of both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Keys {
    pub send: MasterKey,
    pub receive: MasterKey,
}

/// Why there are no keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The peer's certificate is not the one that signalling named.
    WrongFingerprint,
    /// The peer does not speak SRTP, or none of our profiles.
    NoSrtp,
    /// It began and did not come to an end; what went wrong last, if anything did.
    TimedOut(Option<String>),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::WrongFingerprint => {
                f.write_str("DTLS: the peer's certificate has another fingerprint than its SDP")
            }
            Failure::NoSrtp => f.write_str("DTLS: the peer speaks no SRTP profile of ours"),
            Failure::TimedOut(None) => f.write_str("DTLS: the handshake was not finished in time"),
            Failure::TimedOut(Some(last)) => {
                write!(f, "DTLS: the handshake was not finished in time: {last}")
            }
        }
    }
}

impl std::error::Error for Failure {}

/// How far it is. `Done` and `Failed` are told once.
#[derive(Debug, PartialEq)]
pub enum Progress {
    Pending,
    Done(Box<Keys>),
    Failed(Failure),
}

/// A handshake. A client sends at once and goes on until it is answered: the peer may not yet know of us.
pub struct Handshake {
    identity: Identity,
    expected: Fingerprint,
    is_client: bool,
    endpoint: Endpoint,
    outgoing: VecDeque<BytesMut>,
    /// What was sent last, since when, and how often again by us.
    flight: Vec<BytesMut>,
    sent: Instant,
    repeats: u32,
    datagrams: u32,
    /// None until the peer was heard.
    deadline: Option<Instant>,
    last_error: Option<String>,
    is_over: bool,
}

impl Handshake {
    /// `is_client`: we are the active one (RFC 4145 §4). `expected`: from the peer's SDP.
    pub fn start(
        identity: &Identity,
        is_client: bool,
        expected: &Fingerprint,
        now: Instant,
    ) -> Handshake {
        let mut handshake = Handshake {
            identity: identity.clone(),
            expected: expected.clone(),
            is_client,
            endpoint: Endpoint::new(PEER, Default::default(), None),
            outgoing: VecDeque::new(),
            flight: Vec::new(),
            sent: now,
            repeats: 0,
            datagrams: 0,
            deadline: None,
            last_error: None,
            is_over: false,
        };
        handshake.begin(now);
        handshake
    }

    /// Begin anew, and forget what was heard.
    fn begin(&mut self, now: Instant) {
        self.datagrams = 0;
        self.flight.clear();
        let server = (!self.is_client).then(|| self.identity.server());
        self.endpoint = Endpoint::new(PEER, Default::default(), server);
        if self.is_client {
            let begun = self
                .endpoint
                .connect(now, PEER, self.identity.client(), None);
            self.note(begun.err());
        }
        self.collect(now);
    }

    /// Take over what the library has to send.
    fn collect(&mut self, now: Instant) {
        let mut is_new = true;
        while let Some(transmit) = self.endpoint.poll_transmit() {
            if std::mem::take(&mut is_new) {
                self.flight.clear();
                (self.sent, self.repeats) = (now, 0);
            }
            self.flight.push(transmit.message.clone());
            self.outgoing.push_back(transmit.message);
        }
    }

    /// Send the last flight again as it was. The library forgets its own timer at a datagram that brings it no
    /// further, such as one that the peer repeats; records that got lost are new to the peer.
    fn repeat(&mut self, now: Instant) {
        if self.flight.is_empty() || now < self.sent + FLIGHT_INTERVAL {
            return;
        }
        (self.sent, self.repeats) = (now, self.repeats + 1);
        if self.repeats > MAX_REPEATS {
            self.begin(now);
        } else {
            self.outgoing.extend(self.flight.iter().cloned());
        }
    }

    fn note(&mut self, error: Option<impl fmt::Display>) {
        if let Some(error) = error {
            self.last_error = Some(error.to_string());
        }
    }

    /// Take a datagram. What makes no sense is passed over: anybody can send it.
    pub fn receive(&mut self, datagram: &[u8], now: Instant) -> Progress {
        self.deadline.get_or_insert(now + PATIENCE);
        self.datagrams += 1;
        if self.datagrams > MAX_DATAGRAMS {
            if self.is_over {
                return Progress::Pending; // the peer has had its answers
            }
            self.begin(now);
        }
        let read = self
            .endpoint
            .read(now, PEER, None, BytesMut::from(datagram));
        self.collect(now);
        match read {
            Ok(events) => {
                let has_finished =
                    |event: &EndpointEvent| matches!(event, EndpointEvent::HandshakeComplete);
                let is_complete = events.iter().any(has_finished);
                self.judge(is_complete, now)
            }
            Err(error) => {
                self.note(Some(error));
                self.judge(false, now)
            }
        }
    }

    /// See whom we speak with, and take the keys once it is certain.
    fn judge(&mut self, is_complete: bool, now: Instant) -> Progress {
        let Some(state) = self
            .endpoint
            .get_connection_state(PEER)
            .filter(|_| !self.is_over)
        else {
            return Progress::Pending;
        };
        let shown = state.peer_certificates.first();
        if shown.is_some_and(|certificate| !self.expected.fits(certificate)) {
            return self.fail(Failure::WrongFingerprint, now);
        }
        if !is_complete {
            return Progress::Pending;
        }
        if shown.is_none() {
            return self.fail(Failure::WrongFingerprint, now);
        }
        match keys(state, self.is_client) {
            Some(keys) => {
                self.is_over = true;
                Progress::Done(Box::new(keys))
            }
            None => self.fail(Failure::NoSrtp, now),
        }
    }

    fn fail(&mut self, why: Failure, now: Instant) -> Progress {
        self.is_over = true;
        self.endpoint.stop(now, PEER);
        self.collect(now);
        Progress::Failed(why)
    }

    /// Send again what is due, begin anew what has come to nothing, and give up in the end.
    pub fn handle_timeout(&mut self, now: Instant) -> Progress {
        if self.is_over {
            return Progress::Pending;
        }
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            let last = self.last_error.take();
            return self.fail(Failure::TimedOut(last), now);
        }
        if self.endpoint.poll_timeout(&PEER).is_none() {
            self.repeat(now);
        } else if let Err(error) = self.endpoint.handle_timeout(PEER, now) {
            self.note(Some(error));
            self.begin(now);
        }
        self.collect(now);
        Progress::Pending
    }

    /// The next datagram for the peer.
    pub fn poll(&mut self) -> Option<BytesMut> {
        self.outgoing.pop_front()
    }
}

/// The keys of an association (RFC 5764 §4.2): those of the client, then those of the server.
fn keys(state: &State, is_client: bool) -> Option<Keys> {
    let profile = match state.srtp_protection_profile() {
        SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => Profile::AeadAes128Gcm,
        SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm => Profile::AeadAes256Gcm,
        SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Profile::AesCm128HmacSha1_80,
        _ => return None,
    };
    let (key, salt) = (profile.key_length(), profile.salt_length());
    let exported = state
        .export_keying_material(EXPORTER, &[], 2 * (key + salt))
        .ok()?;
    let (keys, salts) = exported.as_ref().split_at_checked(2 * key)?;
    let master = |index: usize| {
        let mut bytes = [0; 64];
        bytes[..key].copy_from_slice(&keys[index * key..][..key]);
        bytes[key..key + salt].copy_from_slice(&salts[index * salt..][..salt]);
        let master = MasterKey::new(profile, &bytes[..key + salt]);
        bytes.fill(0);
        master.ok()
    };
    let (client, server) = (master(0)?, master(1)?);
    Some(if is_client {
        Keys {
            send: client,
            receive: server,
        }
    } else {
        Keys {
            send: server,
            receive: client,
        }
    })
}
