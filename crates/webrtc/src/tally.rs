//! Statistics of a media line: what we count ourselves, and what reports tell.

use std::time::Duration;

use str0m::media::Mid;
use str0m::stats::{MediaEgressStats, MediaIngressStats};

/// One direction of one media line.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DirectionStats {
    pub packets: u64,
    /// Payload bytes.
    pub bytes: u64,
    /// In: never arrived, not even repaired. Out: as the peer last reported.
    pub lost: u64,
    /// RFC 3550 §6.4.1; out: as the peer last reported.
    pub jitter: Option<Duration>,
}

/// Both directions of one media line, seen from the server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineStats {
    pub mid: Mid,
    pub incoming: DirectionStats,
    pub outgoing: DirectionStats,
    pub rtt: Option<Duration>,
}

/// Counts a line's packets and keeps its latest reports.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    incoming: DirectionStats,
    outgoing: DirectionStats,
    rtt: Option<Duration>,
    stream: Option<Stream>,
    /// Lost on sources the peer has since replaced.
    lost_before: u64,
}

/// Sequence numbers seen of one source.
#[derive(Debug)]
struct Stream {
    ssrc: u32,
    first: u64,
    last: u64,
    packets: u64,
    clock_rate: u32,
}

impl Stream {
    fn lost(&self) -> u64 {
        (self.last - self.first + 1).saturating_sub(self.packets)
    }
}

impl Tally {
    pub fn count_incoming(&mut self, ssrc: u32, seq: u64, clock_rate: u32, bytes: usize) {
        self.incoming.packets += 1;
        self.incoming.bytes += bytes as u64;
        match &mut self.stream {
            Some(stream) if stream.ssrc == ssrc => {
                stream.first = stream.first.min(seq);
                stream.last = stream.last.max(seq);
                stream.packets += 1;
                stream.clock_rate = clock_rate;
            }
            stream => {
                self.lost_before += stream.as_ref().map_or(0, Stream::lost);
                *stream = Some(Stream {
                    ssrc,
                    first: seq,
                    last: seq,
                    packets: 1,
                    clock_rate,
                });
            }
        }
    }

    pub fn count_outgoing(&mut self, bytes: usize) {
        self.outgoing.packets += 1;
        self.outgoing.bytes += bytes as u64;
    }

    pub fn take_ingress(&mut self, report: &MediaIngressStats) {
        let rate = self.stream.as_ref().map(|s| s.clock_rate);
        self.incoming.jitter = rate.and_then(|rate| in_time(report.jitter, rate));
    }

    /// `clock_rate`: of the codec we send, Hz.
    pub fn take_egress(&mut self, report: &MediaEgressStats, clock_rate: u32) {
        self.rtt = report.rtt.or(self.rtt);
        if let Some(remote) = &report.remote {
            self.outgoing.lost = remote.packets_lost;
            self.outgoing.jitter = in_time(remote.jitter, clock_rate);
        }
    }

    pub fn stats(&self, mid: Mid) -> LineStats {
        let mut incoming = self.incoming;
        incoming.lost = self.lost_before + self.stream.as_ref().map_or(0, Stream::lost);
        LineStats {
            mid,
            incoming,
            outgoing: self.outgoing,
            rtt: self.rtt,
        }
    }
}

/// RTP timestamp units as time.
fn in_time(units: u32, clock_rate: u32) -> Option<Duration> {
    (clock_rate > 0).then(|| Duration::from_secs_f64(f64::from(units) / f64::from(clock_rate)))
}
