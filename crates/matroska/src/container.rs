//! The file itself (RFC 9559): a header, then clusters of blocks, appended and never rewritten, except for the
//! two places the header reserves: the duration and the picture's size.

use std::io::{self, Seek, SeekFrom, Write};

use crate::ebml::{self, id};
use crate::timebase::Timebase;
use crate::Codec;

/// `DateUTC` counts nanoseconds from 2001-01-01T00:00:00Z.
const DATE_ORIGIN_NS: i64 = 978_307_200_000_000_000;
pub(crate) const APPLICATION: &[u8] = b"Mediaswitch";
const NS_PER_MS: u64 = 1_000_000;
/// A crash costs no more than a cluster of seekability; blocks are appended one by one all the same.
const LONGEST_CLUSTER_MS: i64 = 500;
/// Written out without waiting for `flush` from here on.
const PENDING_LIMIT: usize = 64 * 1024;
const KEY_FRAME: u8 = 0x80;
const TRACK: u8 = 0x81; // track number 1 as a vint

/// Where the header keeps what is only known later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reserved {
    pub duration_at: u64,
    /// The two numbers of `Video`, in a video file.
    pub picture_at: u64,
}

pub(crate) struct Container<W> {
    out: W,
    pending: Vec<u8>,
    /// Start of the open cluster, in milliseconds.
    cluster_ms: Option<i64>,
    reserved: Reserved,
}

impl<W: Write + Seek> Container<W> {
    /// Write the header of a file whose time 0 is `base.epoch_ns`.
    pub fn create(out: W, codec: Codec, base: Timebase, name: &str) -> io::Result<Self> {
        let mut header = Vec::new();
        put_document(&mut header);
        ebml::put_unknown_size(&mut header, id::SEGMENT);
        let duration_at = put_info(&mut header, base.epoch_ns);
        ebml::put_master(&mut header, id::TRACKS, |tracks| {
            put_track(tracks, codec, base.rate, name)
        });
        let picture_at = header.len() as u64 - PICTURE_LENGTH;
        let mut file = Self::resume(
            out,
            Reserved {
                duration_at,
                picture_at,
            },
        );
        file.pending = header;
        file.open_cluster(0); // FFmpeg reads no file without a cluster, and a track may stay empty
        file.flush()?;
        Ok(file)
    }

    /// Go on with a file that is positioned at its end.
    pub fn resume(out: W, reserved: Reserved) -> Self {
        Container {
            out,
            pending: Vec::new(),
            cluster_ms: None,
            reserved,
        }
    }

    /// Append media.
    pub fn block(&mut self, at_ms: i64, key: bool, payload: &[u8]) -> io::Result<()> {
        let relative = self.open_cluster(at_ms);
        let flags = if key { KEY_FRAME } else { 0 };
        put_block(
            &mut self.pending,
            id::SIMPLE_BLOCK,
            relative,
            flags,
            payload,
        );
        self.write_if_large()
    }

    /// Append silence where no media came: a `BlockGroup`, so that a reader can tell it from media.
    pub fn fill(&mut self, at_ms: i64, duration_ms: i64, payload: &[u8]) -> io::Result<()> {
        let relative = self.open_cluster(at_ms);
        ebml::put_master(&mut self.pending, id::BLOCK_GROUP, |group| {
            put_block(group, id::BLOCK, relative, 0, payload);
            ebml::put_uint(group, id::BLOCK_DURATION, duration_ms.max(0) as u64);
        });
        self.write_if_large()
    }

    /// Hand everything to the kernel.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.pending)?;
        self.pending.clear();
        self.out.flush()
    }

    pub fn set_duration(&mut self, ns: u64) -> io::Result<()> {
        let mut element = Vec::new();
        ebml::put_float(&mut element, id::DURATION, ns as f64 / NS_PER_MS as f64);
        self.overwrite(self.reserved.duration_at, &element)
    }

    pub fn set_picture(&mut self, width: u16, height: u16) -> io::Result<()> {
        self.overwrite(self.reserved.picture_at, &picture(width, height))
    }

    fn overwrite(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.flush()?;
        self.out.seek(SeekFrom::Start(at))?;
        self.out.write_all(bytes)?;
        self.out.seek(SeekFrom::End(0))?;
        self.out.flush()
    }

    /// The time relative to the cluster that a block at `at_ms` goes into; a new cluster when it is due.
    fn open_cluster(&mut self, at_ms: i64) -> i16 {
        let relative = self.cluster_ms.map(|start| at_ms - start);
        if let Some(relative @ 0..LONGEST_CLUSTER_MS) = relative {
            return relative as i16;
        }
        ebml::put_unknown_size(&mut self.pending, id::CLUSTER);
        ebml::put_uint(&mut self.pending, id::TIMESTAMP, at_ms.max(0) as u64);
        self.cluster_ms = Some(at_ms.max(0));
        0
    }

    fn write_if_large(&mut self) -> io::Result<()> {
        if self.pending.len() < PENDING_LIMIT {
            return Ok(());
        }
        self.flush()
    }
}

fn put_document(out: &mut Vec<u8>) {
    ebml::put_master(out, id::EBML, |head| {
        ebml::put_uint(head, id::EBML_VERSION, 1);
        ebml::put_uint(head, id::EBML_READ_VERSION, 1);
        ebml::put_uint(head, id::EBML_MAX_ID_LENGTH, 4);
        ebml::put_uint(head, id::EBML_MAX_SIZE_LENGTH, 8);
        ebml::put_bytes(head, id::DOC_TYPE, b"matroska");
        ebml::put_uint(head, id::DOC_TYPE_VERSION, 4);
        ebml::put_uint(head, id::DOC_TYPE_READ_VERSION, 2);
    });
}

/// Write `Info`; return where the duration will go: a `Void` of the length of a `Duration` holds its place.
fn put_info(out: &mut Vec<u8>, epoch_ns: u64) -> u64 {
    let mut body = Vec::new();
    ebml::put_uint(&mut body, id::TIMESTAMP_SCALE, NS_PER_MS);
    let date = (epoch_ns as i64).saturating_sub(DATE_ORIGIN_NS);
    ebml::put_bytes(&mut body, id::DATE_UTC, &date.to_be_bytes());
    ebml::put_bytes(&mut body, id::MUXING_APP, APPLICATION);
    ebml::put_bytes(&mut body, id::WRITING_APP, APPLICATION);
    let reserved = body.len();
    ebml::put_bytes(&mut body, id::VOID, &[0; 9]); // 2 bytes of id + 1 of size + 8 of float, less the 2 of a Void
    ebml::put_id(out, id::INFO);
    ebml::put_size(out, body.len() as u64);
    let at = out.len() + reserved;
    out.extend(body);
    at as u64
}

/// The session's start on the one clock, from the value of a `DateUTC`.
pub(crate) fn epoch_ns(date: &[u8]) -> Option<u64> {
    let date = i64::from_be_bytes(date.try_into().ok()?);
    u64::try_from(date.checked_add(DATE_ORIGIN_NS)?).ok()
}

fn put_track(out: &mut Vec<u8>, codec: Codec, rate: u32, name: &str) {
    ebml::put_master(out, id::TRACK_ENTRY, |track| {
        ebml::put_uint(track, id::TRACK_NUMBER, 1);
        ebml::put_uint(track, id::TRACK_UID, 1);
        ebml::put_uint(track, id::TRACK_TYPE, if codec.is_video() { 1 } else { 2 });
        ebml::put_uint(track, id::FLAG_LACING, 0);
        ebml::put_bytes(track, id::NAME, name.as_bytes());
        ebml::put_bytes(track, id::LANGUAGE, b"und");
        ebml::put_bytes(track, id::CODEC_ID, codec.id().as_bytes());
        if let Some(private) = codec.private() {
            ebml::put_bytes(track, id::CODEC_PRIVATE, &private);
        }
        if let Codec::Opus { .. } = codec {
            ebml::put_uint(track, id::CODEC_DELAY, 0);
            ebml::put_uint(track, id::SEEK_PRE_ROLL, 80_000_000); // RFC 7845 §4.6 asks for 80 ms
        }
        if codec.is_video() {
            ebml::put_bytes(track, id::VIDEO, &picture(1, 1));
        } else {
            put_audio(track, codec, rate);
        }
    });
}

fn put_audio(out: &mut Vec<u8>, codec: Codec, rate: u32) {
    ebml::put_master(out, id::AUDIO, |audio| {
        ebml::put_float(
            audio,
            id::SAMPLING_FREQUENCY,
            f64::from(codec.sampling_rate(rate)),
        );
        ebml::put_uint(audio, id::CHANNELS, u64::from(codec.channels()));
        if let Some(bits) = codec.bit_depth() {
            ebml::put_uint(audio, id::BIT_DEPTH, bits);
        }
    });
}

const PICTURE_LENGTH: u64 = 8;

/// The content of `Video`, always of one length, so that the first key frame can correct it in place.
fn picture(width: u16, height: u16) -> Vec<u8> {
    let mut body = Vec::new();
    ebml::put_bytes(&mut body, id::PIXEL_WIDTH, &width.to_be_bytes());
    ebml::put_bytes(&mut body, id::PIXEL_HEIGHT, &height.to_be_bytes());
    body
}

fn put_block(out: &mut Vec<u8>, id: u32, relative: i16, flags: u8, payload: &[u8]) {
    ebml::put_id(out, id);
    ebml::put_size(out, payload.len() as u64 + 4);
    out.push(TRACK);
    out.extend(relative.to_be_bytes());
    out.push(flags);
    out.extend(payload);
}
