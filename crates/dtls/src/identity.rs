//! The certificate that every handshake of a process shares, and what it is willing to speak.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rtc_dtls::cipher_suite::CipherSuiteId;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;

use crate::fingerprint::{Fingerprint, Hash};

/// A lost flight is sent again after so long: a call is silent meanwhile, so less than the second of RFC 6347 §4.2.4.1.
pub(crate) const FLIGHT_INTERVAL: Duration = Duration::from_millis(500);

/// GCM first, as in our SDES offers. No tags of 32 bits: the library takes a client's first hello at its word, which
/// nothing authenticates, so that a stranger might choose for both.
const PROFILES: [SrtpProtectionProfile; 3] = [
    SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
    SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
    SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
];

/// Forward secrecy and authenticated encryption; which of them depends on the server's certificate.
const CIPHER_SUITES: [CipherSuiteId; 4] = [
    CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256,
    CipherSuiteId::Tls_Ecdhe_Rsa_With_Aes_128_Gcm_Sha256,
    CipherSuiteId::Tls_Ecdhe_Ecdsa_With_ChaCha20_Poly1305_Sha256,
    CipherSuiteId::Tls_Ecdhe_Rsa_With_ChaCha20_Poly1305_Sha256,
];

/// A self-signed certificate with its key (ECDSA, P-256), and the configurations of both roles.
#[derive(Clone)]
pub struct Identity(Arc<Shared>);

struct Shared {
    fingerprint: Fingerprint,
    client: Arc<HandshakeConfig>,
    server: Arc<HandshakeConfig>,
}

impl Identity {
    /// A fresh one; None if the crypto library cannot make it.
    pub fn generate() -> Option<Identity> {
        let provider = rtc_crypto::default_provider().ok()?;
        let names = vec!["mediaswitch".to_owned()];
        let certificate = Certificate::generate_self_signed(names, provider.crypto()).ok()?;
        let fingerprint = Fingerprint::of(Hash::Sha256, certificate.certificate.first()?)?;
        let config = |is_client| {
            ConfigBuilder::default()
                .with_crypto_provider(provider.clone())
                .with_certificates(vec![certificate.clone()])
                .with_cipher_suites(CIPHER_SUITES.to_vec())
                .with_srtp_protection_profiles(PROFILES.to_vec())
                .with_client_auth(ClientAuthType::RequireAnyClientCert)
                .with_extended_master_secret(ExtendedMasterSecretType::Request)
                .with_flight_interval(FLIGHT_INTERVAL)
                // No authority signs these certificates: the fingerprint is what proves the peer.
                .with_insecure_skip_verify(true)
                .build(is_client, None)
                .ok()
                .map(Arc::new)
        };
        let (client, server) = (config(true)?, config(false)?);
        Some(Identity(Arc::new(Shared {
            fingerprint,
            client,
            server,
        })))
    }

    /// What signalling tells the peer.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.0.fingerprint
    }

    pub(crate) fn client(&self) -> Arc<HandshakeConfig> {
        self.0.client.clone()
    }

    pub(crate) fn server(&self) -> Arc<HandshakeConfig> {
        self.0.server.clone()
    }
}

impl PartialEq for Identity {
    /// The same certificate.
    fn eq(&self, other: &Identity) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }
}

impl fmt::Debug for Identity {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}
