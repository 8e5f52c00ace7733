//! What the media core is started with.

use std::net::IpAddr;

use crate::error::CoreError;

const MAX_WORKERS: usize = 256;

#[derive(Clone, Debug)]
pub struct Settings {
    pub workers: usize,
    /// Where sockets are bound.
    pub bind_ip: IpAddr,
    /// What SDP announces.
    pub public_ip: IpAddr,
    /// As both of these, of RTP ports for peers of IPv6; None: none of those.
    pub ipv6: Option<(IpAddr, IpAddr)>,
    /// Inclusive.
    pub rtp_ports: (u16, u16),
    /// UDP port of worker 0, the next one for worker 1 and so on; 0 for any.
    pub webrtc_port: u16,
    /// Take WebRTC peers by TCP too, at the same port numbers.
    pub ice_tcp: bool,
    /// Ask browsers to send no Opus while nobody speaks (RFC 7587 §6.1, usedtx).
    pub opus_dtx: bool,
    /// In sessions where more talk before more listeners than this, only so many are mixed; 0 for all.
    pub loudest_talkers: usize,
    pub clock_offset_ns: i64,
    pub media_timeout_ms: u64,
}

pub(super) fn check(settings: &Settings) -> Result<(), CoreError> {
    if !(1..=MAX_WORKERS).contains(&settings.workers) {
        return Err(CoreError::BadSetting(format!(
            "workers must be 1 to {MAX_WORKERS}"
        )));
    }
    let (low, high) = settings.rtp_ports;
    if low == 0 || low.next_multiple_of(2) >= high {
        return Err(CoreError::BadSetting(format!(
            "no pair of ports in the RTP range {low} to {high}"
        )));
    }
    let told = settings.ipv6.map_or(settings.public_ip, |(_, told)| told);
    if settings.public_ip.is_unspecified() || told.is_unspecified() {
        return Err(CoreError::BadSetting(
            "public_ip is needed where bind_ip is any address".into(),
        ));
    }
    if settings
        .ipv6
        .is_some_and(|(bound, told)| !bound.is_ipv6() || !told.is_ipv6())
    {
        return Err(CoreError::BadSetting(
            "bind_ip6 and public_ip6 must be of IPv6".into(),
        ));
    }
    if settings.webrtc_port != 0 && settings.workers > usize::from(u16::MAX - settings.webrtc_port)
    {
        return Err(CoreError::BadSetting(
            "not enough ports above webrtc_port for all workers".into(),
        ));
    }
    Ok(())
}
