//! What was played, kept ready to be played again: files, and programmes with their packets.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::engine::PlayItem;
use crate::packing::Packing;
use crate::programme::Programme;
use crate::prompt::{self, BadMediaFile, Prompt};

/// Samples of files, and again of programmes, whose samples are mostly the same: 100 MB.
const MAX_SAMPLES: usize = 50_000_000;
/// Bytes of programmes' packets.
const MAX_PACKED: usize = 64_000_000;
const MAX_PROGRAMMES: usize = 1_000;

/// When a file was changed, and its length.
type Version = Option<(SystemTime, u64)>;

struct Kept<T> {
    what: Arc<T>,
    used: u64,
}

/// By key, the longest unused thrown away first.
struct Shelf<K, T> {
    kept: HashMap<K, Kept<T>>,
    uses: u64,
}

impl<K: Hash + Eq + Clone, T> Shelf<K, T> {
    fn new() -> Shelf<K, T> {
        Shelf {
            kept: HashMap::new(),
            uses: 0,
        }
    }

    fn get(&mut self, key: &K) -> Option<Arc<T>> {
        self.uses += 1;
        let kept = self.kept.get_mut(key)?;
        kept.used = self.uses;
        Some(kept.what.clone())
    }

    /// Keep it, and as much of the rest as has room.
    fn put(&mut self, key: K, what: &Arc<T>, has_room: impl Fn(&Shelf<K, T>) -> bool) {
        let (what, used) = (what.clone(), self.uses);
        self.kept.insert(key, Kept { what, used });
        while !has_room(self) {
            let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            self.kept.remove(&key);
        }
    }

    fn sum(&self, of: impl Fn(&T) -> usize) -> usize {
        self.kept.values().map(|kept| of(&kept.what)).sum()
    }
}

pub struct Library {
    packing: Arc<Packing>,
    files: Mutex<Shelf<(PathBuf, Version), Prompt>>,
    programmes: Mutex<Shelf<String, Programme>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn version(path: &Path) -> Version {
    let data = std::fs::metadata(path).ok()?;
    Some((data.modified().ok()?, data.len()))
}

impl Library {
    pub fn open() -> std::io::Result<Library> {
        Ok(Library {
            packing: Packing::start()?,
            files: Mutex::new(Shelf::new()),
            programmes: Mutex::new(Shelf::new()),
        })
    }

    /// Encode nothing more.
    pub fn close(&self) {
        self.packing.stop();
    }

    /// Make the programme in the calling thread, unless it was made before of the same items and files.
    pub fn programme(&self, items: &[PlayItem]) -> Result<Arc<Programme>, BadMediaFile> {
        let versions: Vec<Version> = items
            .iter()
            .filter_map(|item| match item {
                PlayItem::File(path) => Some(version(path)),
                _ => None,
            })
            .collect();
        let key = format!("{items:?} {versions:?}");
        if let Some(programme) = lock(&self.programmes).get(&key) {
            return Ok(programme);
        }
        let prompts = items
            .iter()
            .map(|item| self.prompt(item))
            .collect::<Result<Vec<_>, _>>()?;
        let programme = Arc::new(Programme::new(prompts, Some(self.packing.clone())));
        lock(&self.programmes).put(key, &programme, |shelf| {
            shelf.kept.len() <= MAX_PROGRAMMES
                && shelf.sum(Programme::samples) <= MAX_SAMPLES
                && shelf.sum(Programme::packed) <= MAX_PACKED
        });
        Ok(programme)
    }

    fn prompt(&self, item: &PlayItem) -> Result<Arc<Prompt>, BadMediaFile> {
        match item {
            PlayItem::Silence { duration_ms } => Ok(Arc::new(prompt::silence(*duration_ms))),
            PlayItem::Tone {
                hz,
                duration_ms,
                level_dbm0,
            } => Ok(Arc::new(prompt::tone(hz, *duration_ms, *level_dbm0))),
            PlayItem::File(path) => self.load(path),
        }
    }

    /// A file is read without the lock: disks are slow.
    fn load(&self, path: &Path) -> Result<Arc<Prompt>, BadMediaFile> {
        let key = (path.to_owned(), version(path));
        if let Some(prompt) = lock(&self.files).get(&key) {
            return Ok(prompt);
        }
        let prompt = Arc::new(prompt::load(path)?);
        if key.1.is_some() {
            lock(&self.files).put(key, &prompt, |shelf| shelf.sum(Prompt::kept) <= MAX_SAMPLES);
        }
        Ok(prompt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32) -> PlayItem {
        PlayItem::Tone {
            hz: vec![hz],
            duration_ms: 100,
            level_dbm0: -10.0,
        }
    }

    #[test]
    fn the_same_items_are_one_programme_and_others_another() {
        let library = Library::open().unwrap();
        let [a, b, c] = [440.0, 440.0, 450.0].map(|hz| library.programme(&[tone(hz)]).unwrap());
        assert!(Arc::ptr_eq(&a, &b) && !Arc::ptr_eq(&a, &c));
        library.close();
    }

    #[test]
    fn what_was_not_used_for_the_longest_time_makes_room() {
        let mut shelf = Shelf::new();
        for n in 1..=3 {
            shelf.put(n, &Arc::new(n), |shelf| shelf.kept.len() <= 3);
        }
        assert!(shelf.get(&1).is_some());
        shelf.put(4, &Arc::new(4), |shelf| shelf.sum(|n| *n as usize) <= 5);
        assert!(shelf.get(&2).is_none() && shelf.get(&3).is_none());
        assert!(shelf.get(&1).is_some() && shelf.get(&4).is_some());
    }
}
