//! DTLS for many legs: the library's configuration is checked once a process, not once a leg.
//!
//! str0m's own provider builds a fresh `dimpl::Config` for each connection, and building one tests every
//! algorithm it names: 0.8 of the 1.0 ms that a leg took. Only that is different here.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use dimpl::{Config, Dtls, Error, ProtocolVersion};
use str0m::crypto::dtls::{DtlsCert, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion};
use str0m::crypto::{from_feature_flags, CryptoError, CryptoProvider};

/// A flight of the handshake that is lost is sent again after this, then after twice that and so on. Browsers begin with
/// 50 ms, too; the second that RFC 6347 §4.2.4.1 has for all networks is longer than a caller should wait at all.
const RETRY_AFTER: Duration = Duration::from_millis(80);
/// So that the last comes after 20 s.
const RETRIES: usize = 8;

/// The crypto of str0m with our DTLS factory.
pub(crate) fn crypto_provider() -> CryptoProvider {
    static DTLS: SharedDtls = SharedDtls {
        config: OnceLock::new(),
    };
    CryptoProvider {
        dtls_provider: &DTLS,
        ..from_feature_flags()
    }
}

#[derive(Debug)]
struct SharedDtls {
    config: OnceLock<Arc<Config>>,
}

impl SharedDtls {
    fn config(&self, mtu: Option<usize>) -> Result<Arc<Config>, CryptoError> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        // ICE has proved the peer's address by then, which makes the cookie exchange a lost round trip.
        let mut builder = Config::builder()
            .use_server_cookie(false)
            .flight_start_rto(RETRY_AFTER)
            .flight_retries(RETRIES);
        if let Some(mtu) = mtu {
            builder = builder.mtu(mtu);
        }
        let built = builder
            .build()
            .map_err(|error| CryptoError::Other(error.to_string()))?;
        Ok(self.config.get_or_init(|| Arc::new(built)).clone())
    }
}

impl DtlsProvider for SharedDtls {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        from_feature_flags().dtls_provider.generate_certificate()
    }

    /// All legs are of one version and one MTU, those of the first.
    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        if version != DtlsVersion::Dtls12 {
            return Err(CryptoError::Other(format!(
                "not a version of ours: {version}"
            )));
        }
        let dtls = Dtls::new_12(self.config(mtu)?, certificate.clone(), now);
        Ok(Box::new(Connection(dtls)))
    }
}

/// One connection: passes every call on to dimpl.
struct Connection(Dtls);

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection")
    }
}

impl DtlsInstance for Connection {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), Error> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        self.0.poll_output(buf)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, Error> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.0.close()
    }
}
