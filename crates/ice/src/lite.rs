//! The lite agent: what a check is answered, and whether it nominates.

use std::fmt;
use std::net::SocketAddr;

use crate::stun::{self, Password, MAX_RESPONSE};

/// What both descriptions agreed on (RFC 8839 §5.4).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub local_ufrag: String,
    pub local_password: String,
    pub remote_ufrag: String,
}

impl fmt::Debug for Credentials {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}:{})", self.local_ufrag, self.remote_ufrag)
    }
}

/// A check that the peer made: authentic, and answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// The response to send back where the check came from.
    pub response: [u8; MAX_RESPONSE],
    pub length: usize,
    /// Some if it nominates the pair: how good the peer holds it to be.
    pub nominates: Option<u32>,
}

/// The agent for one peer. It keeps nothing of what it heard.
pub struct Lite {
    credentials: Credentials,
    username: String,
    password: Password,
}

impl Lite {
    pub fn new(credentials: Credentials) -> Lite {
        Lite {
            username: format!("{}:{}", credentials.local_ufrag, credentials.remote_ufrag),
            password: Password::new(&credentials.local_password),
            credentials,
        }
    }

    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Answer a datagram; None for one that is no check of the peer's. It gets no answer: the sender that it names
    /// need not have sent it.
    pub fn receive(&self, from: SocketAddr, datagram: &[u8]) -> Option<Check> {
        let request = stun::parse(datagram, &self.password)?;
        if request.username != self.username.as_bytes() {
            return None;
        }
        let mut response = [0; MAX_RESPONSE];
        if request.is_controlled {
            let length = stun::write_role_conflict(&mut response, &request, &self.password);
            return Some(Check {
                response,
                length,
                nominates: None,
            });
        }
        let length = stun::write_success(&mut response, &request, from, &self.password);
        Some(Check {
            response,
            length,
            nominates: request.nominates.then_some(request.priority),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;
    use crate::stun::tests::{PASSWORD, SAMPLE};

    fn lite() -> Lite {
        Lite::new(Credentials {
            local_ufrag: "evtj".into(),
            local_password: PASSWORD.into(),
            remote_ufrag: "h6vY".into(),
        })
    }

    fn from() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 7], 4_000))
    }

    #[test]
    fn a_check_is_answered_and_its_nomination_told() {
        for nominates in [false, true] {
            let check = check("evtj:h6vY", PASSWORD, (77, nominates), &[]);
            let answered = lite().receive(from(), &check).expect("an answer");
            assert_eq!(answered.nominates, nominates.then_some(77));
            assert_eq!(answered.response[..2], [1, 1]);
            assert_eq!(answered.response[8..20], check[8..20]);
        }
    }

    #[test]
    fn a_peer_that_believes_to_be_controlled_is_told_otherwise() {
        let answered = lite().receive(from(), &SAMPLE).expect("an answer");
        assert_eq!(answered.nominates, None);
        assert_eq!(answered.response[..2], [1, 0x11]);
        assert_eq!(answered.response[26..28], [4, 87]);
    }

    #[test]
    fn a_wrong_name_or_password_gets_no_answer() {
        for (name, password) in [
            ("evtj:h6vY", "guessed"),
            ("evtj:other", PASSWORD),
            ("h6vY:evtj", PASSWORD),
            ("", PASSWORD),
        ] {
            let check = check(name, password, (1, true), &[]);
            assert_eq!(lite().receive(from(), &check), None);
        }
    }
}
