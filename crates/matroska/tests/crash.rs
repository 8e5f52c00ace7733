//! Files whose writer ended at any point, and their repair.

mod support;

use mediaswitch_matroska::{repair, Codec, Summary, TrackWriter};
use std::cell::RefCell;
use std::io::{self, Cursor, ErrorKind, Seek, SeekFrom, Write};
use std::rc::Rc;
use support::*;

/// A file that remains when its writer is gone, as one does when a process is killed.
#[derive(Clone, Default)]
struct Disk(Rc<RefCell<Cursor<Vec<u8>>>>);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Disk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.borrow_mut().seek(to)
    }
}

/// The file of a writer that was killed after the last packet, having been flushed every half second.
fn killed(codec: Codec, packets: &[Rtp]) -> Vec<u8> {
    let disk = Disk::default();
    let mut writer = TrackWriter::create(disk.clone(), codec, EPOCH, "test").unwrap();
    let mut flush_at = 500;
    for packet in packets {
        write(&mut writer, packet);
        if packet.at_ms >= flush_at {
            writer.flush().unwrap();
            flush_at += 500;
        }
    }
    std::mem::forget(writer);
    let bytes = disk.0.borrow().get_ref().clone();
    bytes
}

fn repaired(bytes: &[u8], end_ms: u64) -> io::Result<(TempFile, Summary)> {
    let file = TempFile::new(bytes, "mkv");
    let summary = repair(file.path(), EPOCH + end_ms * MS)?;
    Ok((file, summary))
}

fn streams() -> Vec<(Codec, Vec<Rtp>)> {
    let loud = |_| vec![0x20u8; 160];
    vec![
        (Codec::Pcmu, g711(300, 100, loud)),
        (
            Codec::L16 { rate: 8000 },
            g711(300, 100, |_| vec![0x20u8; 320]),
        ),
        (
            Codec::Opus { channels: 2 },
            stream(300, 20, 960, opus_packets(2.0, 440, &["-b:a", "32k"])),
        ),
        (Codec::Vp8, vp8_stream(300, &vp8_frames(50, "320x240", 25))),
    ]
}

#[test]
fn a_killed_writer_loses_less_than_a_second() {
    for (codec, packets) in streams() {
        let came_until = packets.last().unwrap().at_ms;
        let (file, summary) = repaired(&killed(codec, &packets), 3000).unwrap();
        let lost_from = (summary.gaps.last().unwrap().0 - EPOCH) / MS;
        assert!(
            came_until - lost_from < 1000,
            "{codec:?}: {lost_from} of {came_until}"
        );
        assert!((duration_s(file.path()) - 3.0).abs() < 0.001, "{codec:?}");
        assert_eq!(summary.codec, codec);
        assert_eq!(
            (summary.lost, summary.late),
            (None, None),
            "the file does not tell"
        );
        let first = (summary.first_media_ns.unwrap() - EPOCH) / MS;
        assert!(first.abs_diff(300) <= 2, "{codec:?}: {first}");
        if !codec.is_video() {
            assert!(
                decode(file.path(), 8000).len().abs_diff(24_000) <= 160,
                "{codec:?}"
            );
        }
    }
}

#[test]
fn a_killed_writer_is_readable_even_without_repair() {
    for (codec, packets) in streams() {
        let file = TempFile::new(&killed(codec, &packets), "mkv");
        let read = probe(file.path(), "packet=pts_time").len();
        assert!(read >= 40, "{codec:?}: {read} packets");
    }
}

#[test]
fn a_file_cut_at_any_byte_of_its_tail_is_repaired_to_the_session() {
    for (codec, packets) in streams() {
        let whole = killed(codec, &packets);
        let (_, uncut) = repaired(&whole, 4000).unwrap();
        for cut in 1..1200 {
            let (file, summary) = repaired(&whole[..whole.len() - cut], 4000).unwrap();
            assert!(
                uncut.packets - summary.packets <= 20,
                "{codec:?}, {cut} bytes less"
            );
            assert_eq!(summary.end_ns, EPOCH + 4000 * MS);
            if cut % 100 == 1 {
                assert!(
                    (duration_s(file.path()) - 4.0).abs() < 0.001,
                    "{codec:?}, {cut} bytes less"
                );
            }
            if cut % 100 == 1 && !codec.is_video() {
                let samples = decode(file.path(), 8000).len();
                assert!(
                    samples.abs_diff(32_000) <= 160,
                    "{codec:?}, {cut} bytes less: {samples}"
                );
            }
        }
    }
}

#[test]
fn a_file_cut_at_any_byte_of_its_beginning_is_repaired_or_refused_cleanly() {
    for (codec, packets) in streams() {
        let whole = killed(codec, &packets);
        let mut refused = 0;
        for length in 0..600 {
            match repaired(&whole[..length], 1000) {
                Ok((_, summary)) => assert_eq!(summary.end_ns, EPOCH + 1000 * MS),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::InvalidData);
                    refused += 1;
                }
            }
        }
        assert!(
            (100..400).contains(&refused),
            "{codec:?}: only the header cannot be repaired: {refused}"
        );
    }
}

#[test]
fn a_tail_of_zeros_or_noise_is_cut_off() {
    let mut random = Random(5);
    for (codec, packets) in streams() {
        let whole = killed(codec, &packets);
        let (_, uncut) = repaired(&whole, 4000).unwrap();
        for round in 0..50 {
            let noise = if round == 0 {
                vec![0; 4096]
            } else {
                random.bytes(4096)
            };
            let (_, summary) = repaired(&[&whole[..], &noise].concat(), 4000).unwrap();
            assert!(summary.packets >= uncut.packets, "{codec:?}");
        }
    }
}

#[test]
fn a_file_with_any_byte_changed_is_repaired_or_refused_cleanly() {
    let mut random = Random(23);
    for (codec, packets) in streams() {
        let whole = killed(codec, &packets);
        for round in 0..1500 {
            let mut damaged = whole.clone();
            let reach = if round % 2 == 0 {
                400
            } else {
                whole.len() as u64
            }; // half of them within the header
            for _ in 0..1 + random.below(3) {
                damaged[random.below(reach) as usize] = random.below(256) as u8;
            }
            match repaired(&damaged, 4000) {
                Ok((file, summary)) => {
                    assert!(summary.end_ns >= EPOCH + 4000 * MS);
                    let length = std::fs::metadata(file.path()).unwrap().len();
                    assert!(length < 200_000_000, "{codec:?}: {length} bytes of silence");
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidData),
            }
        }
    }
}

#[test]
fn repairing_twice_and_repairing_a_finished_file_change_nothing() {
    for (codec, packets) in streams() {
        let (file, first) = repaired(&killed(codec, &packets), 3000).unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        assert_eq!(
            repair(file.path(), EPOCH + 3000 * MS).unwrap().packets,
            first.packets
        );
        assert_eq!(std::fs::read(file.path()).unwrap(), bytes, "{codec:?}");

        let (finished, summary) = record(codec, &packets, 3000);
        let (again, repaired) = repaired(&finished, 3000).unwrap();
        assert_eq!(std::fs::read(again.path()).unwrap(), finished, "{codec:?}");
        assert_eq!(repaired.end_ns, summary.end_ns);
    }
}

#[test]
fn another_file_is_refused() {
    let error = repaired(b"RIFF....WAVEfmt ", 1000).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let foreign = TempFile::new(&[], "mka");
    let path = foreign.path().to_str().unwrap();
    run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-y",
            "-f",
            "lavfi",
            "-i",
            "sine=duration=1",
            "-c:a",
            "pcm_mulaw",
            path,
        ],
    );
    let before = std::fs::read(path).unwrap();
    assert_eq!(
        repair(path, EPOCH).unwrap_err().kind(),
        ErrorKind::InvalidData
    );
    assert_eq!(std::fs::read(path).unwrap(), before, "and left as it was");
    let error = repair("/nowhere/at/all.mka", EPOCH).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn silence_is_on_disk_while_nothing_comes() {
    let disk = Disk::default();
    let mut writer = TrackWriter::create(disk.clone(), Codec::Pcmu, EPOCH, "test").unwrap();
    writer.advance_to(EPOCH + 10_000 * MS).unwrap();
    writer.flush().unwrap();
    let bytes = disk.0.borrow().get_ref().clone();
    let file = TempFile::new(&bytes, "mka");
    let samples = decode(file.path(), 8000).len();
    assert!((72_000..=80_000).contains(&samples), "{samples}");
}
