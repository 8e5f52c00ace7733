//! Who talks in a session: the loudest few that are mixed where many are heard, the speaker of the moment, and how long
//! each talked.

use super::Worker;
use crate::clock::{Nanos, MILLISECOND};
use crate::event::Happening;
use crate::id::{SessionId, TrackId};
use crate::jitter::Playout;
use crate::stats::MediaKind;
use crate::track::Track;
use crate::wheel::{set_member, Wheel};

/// Who is mixed stays so against others who are louder by less than this, in dB.
const CHOSEN_STAYS_DB: f32 = 4.0;
/// Who pauses counts as so much quieter, in dB: any talker comes first.
const PAUSES_DB: f32 = 60.0;
/// Another speaker must be the loudest for so long, and louder than one who still talks by so many dB.
const RIVAL_FOR: Nanos = 300 * MILLISECOND;
const RIVAL_LOUDER_DB: f32 = 6.0;
/// A speaker is told of no more often.
const SPEAKER_HOLD: Nanos = 1_000 * MILLISECOND;

/// The audio tracks of a session's legs, and the speaker among them.
#[derive(Default)]
pub(super) struct Talkers {
    tracks: Vec<TrackId>,
    speaker: Option<TrackId>,
    told_at: Nanos,
    rival: Option<(TrackId, Nanos)>,
}

impl Talkers {
    /// Who has to be told of as the speaker now; `loudest` talks and is louder than the speaker, if he talks too.
    fn follow(&mut self, loudest: Option<TrackId>, now: Nanos) -> Option<TrackId> {
        let Some(loudest) = loudest.filter(|&track| self.speaker != Some(track)) else {
            self.rival = None;
            return None;
        };
        let since = match self.rival {
            Some((rival, since)) if rival == loudest => since,
            _ => now,
        };
        self.rival = Some((loudest, since));
        let is_due = self.speaker.is_none() || now >= self.told_at + SPEAKER_HOLD;
        if now < since + RIVAL_FOR || !is_due {
            return None;
        }
        (self.speaker, self.told_at, self.rival) = (Some(loudest), now, None);
        self.speaker
    }
}

impl Worker {
    /// In sessions where more talkers than this are heard by more ports than this, only so many are mixed: the loudest.
    /// 0: all of them, always.
    pub fn mix_loudest(&mut self, count: usize) {
        self.loudest = count;
    }

    pub(super) fn enter_talkers(&mut self, session: SessionId, track: TrackId) {
        let talkers = self.talkers.entry(session).or_default();
        talkers.tracks.push(track);
        let is_crowd = self.loudest > 0 && talkers.tracks.len() > self.loudest;
        set_member(
            &mut self.wheel.slot(Wheel::slot_of(session)).crowds,
            session,
            is_crowd,
        );
    }

    pub(super) fn leave_talkers(&mut self, session: SessionId, track: TrackId) {
        let Some(talkers) = self.talkers.get_mut(&session) else {
            return;
        };
        talkers.tracks.retain(|&known| known != track);
        talkers.speaker = talkers.speaker.filter(|&known| known != track);
        if talkers.tracks.is_empty() {
            self.talkers.remove(&session);
            set_member(
                &mut self.wheel.slot(Wheel::slot_of(session)).crowds,
                session,
                false,
            );
        }
    }

    /// Choose who is mixed in the next frame. Who few hear, as a whisper is, does not compete.
    pub(super) fn choose_loudest(&mut self, session: SessionId, now: Nanos) {
        let Some(talkers) = self.talkers.get(&session) else {
            return;
        };
        let mut ranks = std::mem::take(&mut self.ranks);
        ranks.clear();
        let count = self.loudest;
        for &id in &talkers.tracks {
            let competes = self.matrix.from(id).len() > count;
            let Some(track) = self.tracks.get_mut(&id).filter(|track| is_mixed(track)) else {
                continue;
            };
            if competes {
                ranks.push((rank(track, now), id));
            }
            track.is_chosen = true;
        }
        if ranks.len() > count {
            ranks.select_nth_unstable_by(count, |a, b| b.0.total_cmp(&a.0));
            for (_, id) in &ranks[count..] {
                if let Some(track) = self.tracks.get_mut(id) {
                    track.is_chosen = false;
                }
            }
        }
        self.ranks = ranks;
    }

    /// Another `duration` has passed in every session: add up who talked, and tell of new speakers.
    pub(super) fn follow_speakers(&mut self, duration: Nanos, now: Nanos) {
        let tracks = &mut self.tracks;
        for talkers in self.talkers.values_mut() {
            let activity = |id: &TrackId| tracks.get(id).map(|track| &track.activity);
            let talking = talkers.tracks.iter().filter_map(|id| {
                let activity = activity(id).filter(|activity| activity.talks(now))?;
                let is_speaker = talkers.speaker == Some(*id);
                let favour = if is_speaker { RIVAL_LOUDER_DB } else { 0.0 };
                Some((activity.loudness(now) + favour, *id))
            });
            let (mut count, mut loudest) = (0, None);
            for (loudness, id) in talking {
                count += 1;
                if loudest.is_none_or(|(most, _)| loudness > most) {
                    loudest = Some((loudness, id));
                }
            }
            for id in &talkers.tracks {
                if let Some(track) = tracks.get_mut(id) {
                    track.activity.pass(duration, count > 1, now);
                }
            }
            let is_alone = talkers.tracks.len() < 2;
            let loudest = loudest.filter(|_| !is_alone).map(|(_, id)| id);
            if let Some(track) = talkers.follow(loudest, now) {
                let activity = tracks.get(&track).map(|track| &track.activity);
                let level_dbov = activity.map_or(-127.0, |activity| activity.loudness(now));
                let what = Happening::SpeakerChanged { track, level_dbov };
                self.events.tell(now, what);
            }
        }
    }
}

fn is_mixed(track: &Track) -> bool {
    track.kind == MediaKind::Audio && track.playout.as_deref().is_some_and(Playout::has_begun)
}

fn rank(track: &Track, now: Nanos) -> f32 {
    let activity = &track.activity;
    let pauses = if activity.talks(now) { 0.0 } else { PAUSES_DB };
    let favour = if track.is_chosen {
        CHOSEN_STAYS_DB
    } else {
        0.0
    };
    activity.loudness(now) + favour - pauses
}
