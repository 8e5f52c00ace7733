//! The thread that writes what recorders take.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::time::Duration;

use mediaswitch_matroska::{Codec as FileCodec, Summary, TrackWriter};

use super::batch::{Batch, End};
use super::tape::{Record, RecordCodec, TapeEnd};
use crate::clock::{Clock, Nanos, MILLISECOND};
use crate::codec::{Codec, Rate};
use crate::event::{EventQueue, Happening, Segment};
use crate::id::{IdMap, PortId, TrackId};
use crate::stats::Counters;

/// How often it is looked whether something is urgent.
const PERIOD: Duration = Duration::from_millis(50);
/// How long packets wait in the ring, so that those of a track are written together. A crash loses what is not written:
/// at most this and what the jitter window of the file holds.
const FLUSH_PERIOD: Nanos = 250 * MILLISECOND;

/// What the control plane tells a writer.
pub enum Control {
    Open {
        recorder: PortId,
        folder: PathBuf,
        epoch: Nanos,
    },
    Name {
        track: TrackId,
        name: String,
    },
    Forget {
        track: TrackId,
    },
}

type Track = TrackWriter<File>;

struct OpenFile {
    track: TrackId,
    codec: RecordCodec,
    name: String,
    /// None after an error: the track is given up.
    writer: Option<Track>,
}

struct Recorder {
    folder: PathBuf,
    epoch: Nanos,
    files: Vec<OpenFile>,
}

pub struct Writer {
    tape: TapeEnd,
    batch: Batch,
    control: Receiver<Control>,
    clock: Clock,
    events: Arc<EventQueue>,
    counters: Arc<Counters>,
    recorders: IdMap<PortId, Recorder>,
    names: HashMap<TrackId, String>,
    flush_due: Nanos,
}

impl Writer {
    pub fn new(
        tape: TapeEnd,
        control: Receiver<Control>,
        clock: Clock,
        events: Arc<EventQueue>,
        counters: Arc<Counters>,
    ) -> Writer {
        Writer {
            tape,
            batch: Batch::default(),
            control,
            clock,
            events,
            counters,
            recorders: IdMap::default(),
            names: HashMap::new(),
            flush_due: 0,
        }
    }

    /// Run until the worker is gone and all it recorded is written.
    pub fn run(mut self) {
        while self.wait() {
            self.take_control();
            let now = self.clock.now();
            if now >= self.flush_due {
                self.flush_due = now + FLUSH_PERIOD;
                self.drain();
                self.flush(now);
            } else if self.tape.is_urgent() {
                self.drain();
            }
        }
        while !self.tape.is_over() {
            self.drain();
            std::thread::sleep(PERIOD);
        }
        let now = self.clock.now();
        for recorder in self.recorders.keys().copied().collect::<Vec<_>>() {
            self.close(recorder, now);
        }
    }

    /// Until it is time to look again; false when the control plane is gone.
    fn wait(&mut self) -> bool {
        let told = if self.recorders.is_empty() {
            self.control
                .recv()
                .map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            self.control.recv_timeout(PERIOD)
        };
        match told {
            Ok(control) => self.obey(control),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        true
    }

    fn take_control(&mut self) {
        while let Ok(control) = self.control.try_recv() {
            self.obey(control);
        }
    }

    fn obey(&mut self, control: Control) {
        match control {
            Control::Open {
                recorder,
                folder,
                epoch,
            } => {
                self.recorders.insert(
                    recorder,
                    Recorder {
                        folder,
                        epoch,
                        files: Vec::new(),
                    },
                );
            }
            Control::Name { track, name } => drop(self.names.insert(track, name)),
            Control::Forget { track } => drop(self.names.remove(&track)),
        }
    }

    fn drain(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        loop {
            let end = batch.fill(&mut self.tape);
            for (record, payload) in batch.packets() {
                self.write(record, payload);
            }
            match end {
                End::Empty => break,
                End::Full => {}
                End::Close { recorder, end } => self.close(recorder, end),
            }
        }
        self.batch = batch;
    }

    fn write(&mut self, record: &Record, payload: &[u8]) {
        if !self.recorders.contains_key(&record.recorder) {
            self.take_control(); // it was opened before its first packet was recorded
        }
        let Some(recorder) = self.recorders.get_mut(&record.recorder) else {
            return;
        };
        let result = match recorder.file_for(record, &self.names, &self.counters) {
            Ok(file) => file.write(record, payload),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            self.give_up(record.recorder, record.track, &error);
        }
    }

    /// The track's file cannot be written; others go on.
    fn give_up(&mut self, id: PortId, track: TrackId, error: &io::Error) {
        let Some(recorder) = self.recorders.get_mut(&id) else {
            return;
        };
        let failed = recorder.files.iter_mut().filter(|file| file.track == track);
        let closed = failed.filter_map(|file| file.writer.take()).count();
        self.counters.open_files.subtract(closed as u64);
        let reason = error.to_string();
        self.events.tell(
            self.clock.now(),
            Happening::RecorderFailed {
                recorder: id,
                track,
                reason,
            },
        );
    }

    fn flush(&mut self, now: Nanos) {
        let mut failed = Vec::new();
        for (&id, recorder) in &mut self.recorders {
            for file in &mut recorder.files {
                let Some(writer) = &mut file.writer else {
                    continue;
                };
                if let Err(error) = writer.advance_to(now).and_then(|()| writer.flush()) {
                    failed.push((id, file.track, error));
                }
            }
        }
        for (recorder, track, error) in failed {
            self.give_up(recorder, track, &error);
        }
    }

    fn close(&mut self, id: PortId, end: Nanos) {
        self.take_control();
        let Some(recorder) = self.recorders.remove(&id) else {
            return;
        };
        for file in recorder.files {
            let Some(writer) = file.writer else { continue };
            self.counters.open_files.subtract(1);
            let (recorder, track) = (id, file.track);
            let what = match writer.finish(end) {
                Ok(summary) => {
                    let segment = Box::new(segment(file.name, &summary));
                    Happening::SegmentClosed {
                        recorder,
                        track,
                        segment,
                    }
                }
                Err(error) => Happening::RecorderFailed {
                    recorder,
                    track,
                    reason: error.to_string(),
                },
            };
            self.events.tell(self.clock.now(), what);
        }
        self.events
            .tell(self.clock.now(), Happening::RecorderClosed { recorder: id });
    }
}

impl Recorder {
    /// The file of this track and codec, created if there is none yet.
    fn file_for(
        &mut self,
        record: &Record,
        names: &HashMap<TrackId, String>,
        counters: &Counters,
    ) -> io::Result<&mut OpenFile> {
        let of_track = |file: &&OpenFile| file.track == record.track;
        let known = self.files.iter().position(|file| {
            file.track == record.track && (file.codec == record.codec || file.writer.is_none())
        });
        if let Some(index) = known {
            return Ok(&mut self.files[index]);
        }
        let earlier = self.files.iter().filter(of_track).count();
        let name = file_name(record, earlier);
        let label = names
            .get(&record.track)
            .cloned()
            .unwrap_or_else(|| format!("track {}", record.track));
        let mut file = OpenFile {
            track: record.track,
            codec: record.codec,
            name,
            writer: None,
        };
        let created = create(
            &self.folder.join(&file.name),
            &self.folder,
            record.codec,
            self.epoch,
            &label,
        );
        let failed = created.map(|writer| {
            file.writer = Some(writer);
            counters.open_files.add(1);
        });
        // Kept even when it failed, so that the next packet does not try again.
        self.files.push(file);
        failed?;
        self.files
            .last_mut()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// A peer that changes its codec in the middle of a call gets a second file.
fn file_name(record: &Record, earlier: usize) -> String {
    let extension = if record.codec == RecordCodec::Vp8 {
        "mkv"
    } else {
        "mka"
    };
    match earlier {
        0 => format!("{}.{extension}", record.track),
        n => format!("{}-{}.{extension}", record.track, n + 1),
    }
}

fn create(
    path: &PathBuf,
    folder: &PathBuf,
    codec: RecordCodec,
    epoch: Nanos,
    label: &str,
) -> io::Result<Track> {
    fs::create_dir_all(folder)?;
    // Read back by `finish`, to patch what is known only at the end. A file of that name is somebody's recording.
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)?;
    TrackWriter::create(file, file_codec(codec), epoch, label)
}

fn file_codec(codec: RecordCodec) -> FileCodec {
    match codec {
        RecordCodec::Audio(Codec::Pcmu) => FileCodec::Pcmu,
        RecordCodec::Audio(Codec::Pcma) => FileCodec::Pcma,
        RecordCodec::Audio(Codec::G722) => FileCodec::G722,
        RecordCodec::Audio(codec @ (Codec::L16Narrow | Codec::L16Wide)) => FileCodec::L16 {
            rate: codec.clock_rate(),
        },
        // The packets themselves say whether they are stereo; a decoder gives two channels for either.
        RecordCodec::Audio(Codec::Opus) => FileCodec::Opus { channels: 2 },
        RecordCodec::Vp8 => FileCodec::Vp8,
        RecordCodec::L16 => FileCodec::L16 {
            rate: Rate::Wide.hz(),
        },
    }
}

impl OpenFile {
    fn write(&mut self, record: &Record, payload: &[u8]) -> io::Result<()> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        let Record {
            at,
            ssrc,
            sequence,
            timestamp,
            marker,
            ..
        } = *record;
        match record.codec {
            RecordCodec::L16 => writer.write_frame(at, payload),
            RecordCodec::Audio(Codec::L16Narrow | Codec::L16Wide) => {
                let swapped: Vec<u8> = payload.chunks_exact(2).flat_map(|b| [b[1], b[0]]).collect();
                writer.write_rtp(at, ssrc, sequence, timestamp, marker, &swapped)
            }
            _ => writer.write_rtp(at, ssrc, sequence, timestamp, marker, payload),
        }
    }
}

/// Audio has none.
fn pixels(count: u16) -> Option<u32> {
    (count > 0).then_some(u32::from(count))
}

/// What a file holds, as events and `repair_track` tell it.
pub fn segment(file: String, summary: &Summary) -> Segment {
    Segment {
        file,
        codec: summary.codec.name().to_string(),
        start_ns: summary.start_ns,
        end_ns: summary.end_ns,
        first_media_ns: summary.first_media_ns,
        packets: summary.packets,
        lost: summary.lost,
        gaps: summary.gaps.clone(),
        width: pixels(summary.width),
        height: pixels(summary.height),
    }
}
