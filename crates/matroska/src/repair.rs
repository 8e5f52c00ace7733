//! Completing a file whose writer was killed: what is whole stays, what is torn goes, silence fills the rest.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::audio::AudioTrack;
use crate::container::{self, Container, Reserved};
use crate::ebml::{self, id};
use crate::timebase::Timebase;
use crate::{vp8, Codec, Summary};

/// No element of ours is larger; a larger size is damage.
const MAX_ELEMENT: u64 = 16 << 20;
/// No call lasts longer; a longer time is damage, and would be filled with silence.
const MAX_HOURS: u64 = 100;
const NS_PER_HOUR: u64 = 3_600_000_000_000;

/// Cut an incomplete tail off, pad audio to the session's end, and write the duration.
///
/// `end_ns`: the session's end on the one clock; where the file already lasts longer, it keeps its length.
/// A file that is already complete stays as it is. Errors: `InvalidData` if the file breaks off within its
/// header, or was not written by a `TrackWriter`.
pub fn repair(path: impl AsRef<Path>, end_ns: u64) -> io::Result<Summary> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    Scan::read(&file)?.complete(file, end_ns)
}

/// What a file holds, and how far it is whole.
struct Scan {
    codec: Codec,
    base: Timebase,
    reserved: Reserved,
    /// Bytes from the start that hold complete elements.
    whole: u64,
    /// Audio: ticks of sound from the session's start. Video: where the last frame stands.
    cursor: i64,
    cluster_ms: i64,
    first_media: Option<i64>,
    packets: u64,
    keyframes: u64,
    picture: Option<vp8::Picture>,
    gaps: Vec<(i64, i64)>,
}

impl Scan {
    fn read(file: &File) -> io::Result<Scan> {
        let mut input = Input {
            file: BufReader::new(file),
            at: 0,
        };
        let mut scan = Scan::read_header(&mut input)?;
        while let Some((element, body)) = input.next()? {
            match element {
                id::CLUSTER => continue, // whole only once its timestamp is
                id::TIMESTAMP if ebml::uint(&body) > MAX_HOURS * 3_600_000 => break,
                id::TIMESTAMP => scan.cluster_ms = ebml::uint(&body) as i64,
                id::SIMPLE_BLOCK => scan.media(&body),
                id::BLOCK_GROUP => scan.silence(&body),
                _ => {}
            }
            scan.whole = input.at;
        }
        Ok(scan)
    }

    fn read_header(input: &mut Input<'_>) -> io::Result<Scan> {
        let (mut epoch_ns, mut duration_at) = (None, None);
        while let Some((element, body)) = input.next()? {
            match element {
                id::INFO => {
                    epoch_ns = date(&body);
                    duration_at = reserved_duration(&body)
                        .map(|offset| input.at - body.len() as u64 + offset);
                }
                id::TRACKS => {
                    let (epoch_ns, duration_at) = epoch_ns.zip(duration_at).ok_or_else(foreign)?;
                    let codec = codec(&body).ok_or_else(foreign)?;
                    let reserved = Reserved {
                        duration_at,
                        picture_at: input.at - 8,
                    };
                    return Ok(Scan::empty(codec, epoch_ns, reserved, input.at));
                }
                _ => {}
            }
        }
        Err(foreign())
    }

    fn empty(codec: Codec, epoch_ns: u64, reserved: Reserved, whole: u64) -> Scan {
        Scan {
            codec,
            base: Timebase {
                epoch_ns,
                rate: codec.clock_rate(),
            },
            reserved,
            whole,
            cursor: 0,
            cluster_ms: 0,
            first_media: None,
            packets: 0,
            keyframes: 0,
            picture: None,
            gaps: Vec::new(),
        }
    }

    fn media(&mut self, body: &[u8]) {
        let Some((relative, payload)) = block_parts(body) else {
            return;
        };
        self.packets += 1;
        if self.codec.is_video() {
            return self.frame(relative, payload);
        }
        self.first_media.get_or_insert(self.cursor);
        self.cursor += self.codec.duration(payload).unwrap_or(0);
    }

    fn frame(&mut self, relative: i16, payload: &[u8]) {
        self.cursor = self.base.ticks_in(self.cluster_ms + i64::from(relative));
        if self.first_media.is_none() {
            self.first_media = Some(self.cursor);
            self.gaps.push((0, self.cursor));
        }
        if let Some(picture) = vp8::key_frame(payload) {
            self.keyframes += 1;
            self.picture.get_or_insert(picture);
        }
    }

    fn silence(&mut self, group: &[u8]) {
        let block = ebml::children(group).find(|(element, _, _)| *element == id::BLOCK);
        let Some((_, payload)) = block.and_then(|(_, body, _)| block_parts(body)) else {
            return;
        };
        let from = self.cursor;
        self.cursor += self.codec.duration(payload).unwrap_or(0);
        match self.gaps.last_mut() {
            Some(last) if last.1 == from => last.1 = self.cursor,
            _ => self.gaps.push((from, self.cursor)),
        }
    }

    fn complete(mut self, mut file: File, end_ns: u64) -> io::Result<Summary> {
        let end_ns = end_ns.max(self.base.ns(self.cursor));
        if end_ns - self.base.epoch_ns > MAX_HOURS * NS_PER_HOUR {
            return Err(invalid("the track would last longer than any call"));
        }
        file.set_len(self.whole)?;
        file.seek(SeekFrom::End(0))?;
        let end = self.base.ticks(end_ns);
        let mut container = Container::resume(file, self.reserved);
        if self.codec.is_video() {
            self.complete_video(end, &mut container)?;
        } else {
            let mut audio = AudioTrack::resume(self.codec, self.base, self.cursor);
            audio.gaps = std::mem::take(&mut self.gaps);
            audio.fill(end, &mut container)?;
            self.gaps = audio.gaps;
        }
        container.set_duration(end_ns - self.base.epoch_ns)?;
        Ok(self.summary(end_ns))
    }

    /// The kill may have come between the first key frame and its size in the header.
    fn complete_video(&mut self, end: i64, container: &mut Container<File>) -> io::Result<()> {
        if end > self.cursor {
            self.gaps.push((self.cursor, end));
        }
        match &self.picture {
            Some(picture) => container.set_picture(picture.width, picture.height),
            None => Ok(()),
        }
    }

    fn summary(self, end_ns: u64) -> Summary {
        Summary {
            codec: self.codec,
            start_ns: self.base.epoch_ns,
            end_ns,
            first_media_ns: self.first_media.map(|ticks| self.base.ns(ticks)),
            packets: self.packets,
            lost: None,
            late: None,
            gaps: self
                .gaps
                .iter()
                .map(|(from, to)| (self.base.ns(*from), self.base.ns(*to)))
                .collect(),
            keyframes: self.keyframes,
            width: self.picture.as_ref().map_or(0, |picture| picture.width),
            height: self.picture.as_ref().map_or(0, |picture| picture.height),
        }
    }
}

/// The file as a flat run of elements: `Segment` and `Cluster` are entered, all others come with their body.
struct Input<'a> {
    file: BufReader<&'a File>,
    /// Bytes of complete elements read so far.
    at: u64,
}

impl Input<'_> {
    /// The next complete element; `None` at the end of what is whole.
    fn next(&mut self) -> io::Result<Option<(u32, Vec<u8>)>> {
        let Some(head) = ebml::read_head(&mut self.file)? else {
            return Ok(None);
        };
        let entered = head.id == id::SEGMENT || head.id == id::CLUSTER;
        let size = match head.size {
            _ if entered => 0,
            Some(size) if size <= MAX_ELEMENT => size,
            _ => return Ok(None),
        };
        let mut body = Vec::new();
        self.file.by_ref().take(size).read_to_end(&mut body)?;
        if (body.len() as u64) < size {
            return Ok(None);
        }
        self.at += head.length + size;
        Ok(Some((head.id, body)))
    }
}

fn foreign() -> io::Error {
    invalid("not a recorded track, or broken off within its header")
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn child(body: &[u8], wanted: u32) -> Option<&[u8]> {
    ebml::children(body)
        .find(|(element, _, _)| *element == wanted)
        .map(|(_, content, _)| content)
}

/// The session's start, if we wrote this file.
fn date(info: &[u8]) -> Option<u64> {
    let ours = child(info, id::MUXING_APP)? == container::APPLICATION;
    container::epoch_ns(child(info, id::DATE_UTC)?).filter(|_| ours)
}

/// Where in `Info` the duration stands or will stand.
fn reserved_duration(info: &[u8]) -> Option<u64> {
    let is_place = |element: u32| element == id::VOID || element == id::DURATION;
    ebml::children(info)
        .find(|(element, _, _)| is_place(*element))
        .map(|(_, _, offset)| offset as u64)
}

fn codec(tracks: &[u8]) -> Option<Codec> {
    let entry = child(tracks, id::TRACK_ENTRY)?;
    let name = std::str::from_utf8(child(entry, id::CODEC_ID)?).ok()?;
    let private = child(entry, id::CODEC_PRIVATE).unwrap_or_default();
    let audio = child(entry, id::AUDIO).unwrap_or_default();
    let rate = child(audio, id::SAMPLING_FREQUENCY).map_or(0.0, ebml::float);
    let channels = child(audio, id::CHANNELS).map_or(1, ebml::uint);
    Codec::from_header(name, private, rate as u32, channels as u8)
}

/// A block's time relative to its cluster, and its payload.
fn block_parts(body: &[u8]) -> Option<(i16, &[u8])> {
    let (&[_, high, low, _], payload) = body.split_first_chunk::<4>()?;
    Some((i16::from_be_bytes([high, low]), payload))
}
