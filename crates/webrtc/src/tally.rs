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
    /// Of each layer, or one after the other; the newest packet's first.
    streams: Vec<Stream>,
    /// Lost on sources that were forgotten.
    lost_before: u64,
}

/// Layers of one line, and some that the peer has replaced.
const MAX_STREAMS: usize = 8;

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
        let index = self.index_of(ssrc, seq);
        let stream = &mut self.streams[index];
        stream.first = stream.first.min(seq);
        stream.last = stream.last.max(seq);
        stream.packets += 1;
        stream.clock_rate = clock_rate;
        self.streams.swap(0, index);
    }

    fn index_of(&mut self, ssrc: u32, seq: u64) -> usize {
        let known = self.streams.iter().position(|stream| stream.ssrc == ssrc);
        known.unwrap_or_else(|| {
            if self.streams.len() == MAX_STREAMS {
                self.lost_before += self.streams.pop().map_or(0, |stream| stream.lost());
            }
            self.streams.push(Stream {
                ssrc,
                first: seq,
                last: seq,
                packets: 0,
                clock_rate: 0,
            });
            self.streams.len() - 1
        })
    }

    pub fn count_outgoing(&mut self, bytes: usize) {
        self.outgoing.packets += 1;
        self.outgoing.bytes += bytes as u64;
    }

    pub fn take_ingress(&mut self, report: &MediaIngressStats) {
        let rate = self.streams.first().map(|s| s.clock_rate);
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
        incoming.lost = self.lost_before + self.streams.iter().map(Stream::lost).sum::<u64>();
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
