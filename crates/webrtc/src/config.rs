//! What a leg is made from: the identity all legs share, and what is announced and accepted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use str0m::bwe::Bitrate;
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::format::{Codec as WireCodec, CodecConfig, FormatParams};
use str0m::media::{Frequency, Pt};
use str0m::rtp::{Extension, ExtensionMap};
use str0m::RtcConfig;

use crate::dtls::crypto_provider;

/// Payload types announced where the offer leaves the choice to us; an offer's own numbers come first.
const OPUS_PT: u8 = 111;
const TELEPHONE_EVENT_48K_PT: u8 = 110;
const TELEPHONE_EVENT_8K_PT: u8 = 101;
const VP8_PT: u8 = 96;
const VP8_RTX_PT: u8 = 97;

/// What a peer's downlink is taken for until feedback tells: a low layer beside the voice. Probes find out the rest
/// within the first second.
pub(crate) const START_BITRATE: Bitrate = Bitrate::kbps(500);

/// How often str0m gathers reports into statistics.
const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// The certificate and crypto that every leg of a process shares.
///
/// Making one costs about a millisecond (a key pair), a leg with a shared one some tens of microseconds.
#[derive(Debug, Clone)]
pub struct Identity {
    crypto: Arc<CryptoProvider>,
    certificate: DtlsCert,
}

impl Identity {
    /// A fresh self-signed certificate; `None` if the crypto library cannot make one.
    pub fn generate() -> Option<Self> {
        let crypto = Arc::new(crypto_provider());
        let certificate = crypto.dtls_provider.generate_certificate()?;
        Some(Self {
            crypto,
            certificate,
        })
    }
}

/// An audio codec that a leg may be answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    Opus,
    Pcmu,
    Pcma,
    G722,
}

/// What a leg announces and accepts.
#[derive(Debug, Clone)]
pub struct LegConfig {
    pub identity: Identity,
    /// Host candidates to announce: addresses at which the peer reaches the worker's socket.
    pub local_addrs: Vec<SocketAddr>,
    /// Where the same peer may come by TCP instead, at the first of those addresses (RFC 6544); framing and
    /// connections are the caller's.
    pub tcp_port: Option<u16>,
    /// Ask the peer to send no Opus in silence (RFC 7587 §6.1).
    pub opus_dtx: bool,
    /// In order of preference; the answer keeps this order, and a browser then sends the first.
    pub audio_codecs: Vec<AudioCodec>,
    /// A leg that is not connected (ICE and DTLS) by then fails.
    pub connect_timeout: Duration,
    /// Silence of connectivity checks after which the peer is gone (RFC 7675 §5.1: 30 s). str0m itself calls
    /// the path lost after 15 s, so less than that has no effect.
    pub consent_timeout: Duration,
}

impl LegConfig {
    pub fn new(identity: Identity, local_addrs: Vec<SocketAddr>) -> Self {
        Self {
            identity,
            local_addrs,
            tcp_port: None,
            opus_dtx: false,
            audio_codecs: vec![AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma],
            connect_timeout: Duration::from_secs(30),
            consent_timeout: Duration::from_secs(30),
        }
    }

    /// Where the peer may come by TCP.
    pub(crate) fn tcp_addr(&self) -> Option<SocketAddr> {
        let first = self.local_addrs.first()?;
        Some(SocketAddr::new(first.ip(), self.tcp_port?))
    }

    /// `video`: whether the offer has video. Estimating a path paces and probes it, which audio alone has no use for.
    pub(crate) fn to_rtc_config(&self, video: bool) -> RtcConfig {
        let mut config = RtcConfig::new()
            .set_crypto_provider(self.identity.crypto.clone())
            .set_dtls_cert(self.identity.certificate.clone())
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .enable_bwe(video.then_some(START_BITRATE))
            .set_stats_interval(Some(STATS_INTERVAL))
            .set_extension_map(extensions())
            .clear_codecs();
        add_audio(config.codec_config(), self.opus_dtx);
        add_video(config.codec_config());
        config
    }
}

/// RTP header extensions we speak.
fn extensions() -> ExtensionMap {
    let mut map = ExtensionMap::empty();
    map.set(1, Extension::AudioLevel);
    map.set(3, Extension::TransportSequenceNumber);
    map.set(4, Extension::RtpMid);
    map.set(10, Extension::RtpStreamId);
    map.set(11, Extension::RepairedRtpStreamId);
    map.set(13, Extension::VideoOrientation);
    map
}

/// All that we can carry: which of them is answered, and in which order, may change from offer to offer.
fn add_audio(codecs: &mut CodecConfig, opus_dtx: bool) {
    for codec in [
        AudioCodec::Opus,
        AudioCodec::G722,
        AudioCodec::Pcmu,
        AudioCodec::Pcma,
    ] {
        match codec {
            AudioCodec::G722 => codecs.enable_g722(true, false),
            AudioCodec::Opus => codecs.add_config(
                Pt::new_with_value(OPUS_PT),
                None,
                WireCodec::Opus,
                Frequency::FORTY_EIGHT_KHZ,
                Some(2),
                FormatParams {
                    min_p_time: Some(10),
                    use_inband_fec: Some(true),
                    use_dtx: opus_dtx.then_some(true),
                    ..Default::default()
                },
            ),
            AudioCodec::Pcmu => codecs.enable_pcmu(true, false),
            AudioCodec::Pcma => codecs.enable_pcma(true, false),
        }
    }
    // Last, so that no browser takes it for the codec to send. Without it in the answer a page cannot send digits.
    for (pt, rate) in [
        (TELEPHONE_EVENT_48K_PT, Frequency::FORTY_EIGHT_KHZ),
        (TELEPHONE_EVENT_8K_PT, Frequency::EIGHT_KHZ),
    ] {
        codecs.add_config(
            Pt::new_with_value(pt),
            None,
            WireCodec::Tele,
            rate,
            None,
            FormatParams::default(),
        );
    }
}

fn add_video(codecs: &mut CodecConfig) {
    codecs.add_config(
        Pt::new_with_value(VP8_PT),
        Some(Pt::new_with_value(VP8_RTX_PT)),
        WireCodec::Vp8,
        Frequency::NINETY_KHZ,
        None,
        FormatParams::default(),
    );
    // Transport-wide feedback replaces it, and nobody here would act on it.
    for params in codecs.iter_mut() {
        params.set_fb_remb(false);
    }
}
