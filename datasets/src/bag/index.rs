//! What one pass over a log's messages tells: where those are that frames are
//! made from, and all that the others say.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::container::{ALLOWANCE, Channel, Container, Message, Place};
use super::ego::{Tracks, Way};
use super::fault::{Decoded, Fault};
use super::lens::Lenses;
use super::message::{Content, Decoder, Header, Kind};
use super::transforms::Tree;
use crate::error::{Error, Result};
use crate::info::{self, Sensor, SensorKind, Topic};
use crate::loss::{Loss, Lost};
use crate::sync::Record;

/// What is kept of a message or a transform, bytes.
const ENTRY: u64 = 64;

/// Everything that is known of a log before its frames are read.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The topics, by name.
    pub(super) heard: BTreeMap<String, Heard>,
    pub(super) tree: Tree,
    /// Cameras' calibrations, by topic.
    pub(super) lenses: BTreeMap<String, Lenses>,
    pub(super) tracks: Tracks,
    /// What was noted beside the messages, by name.
    pub(super) metadata: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) lost: Lost,
    pub(super) notes: Vec<String>,
    /// The topics whose messages frames could be made from, and whether they
    /// are.
    pub(super) shown: Vec<Topic>,
    /// Messages and transforms so far.
    entries: u64,
}

/// What was heard on one topic.
#[derive(Debug)]
pub(super) struct Heard {
    channel: Arc<Channel>,
    /// `None` if its type is none that is read.
    pub(super) decoder: Option<Decoder>,
    pub(super) count: u64,
    /// Messages that cannot be read, and what the first of them lacks.
    broken: u64,
    fault: Option<Fault>,
    /// Messages without a stamp of their own.
    unstamped: u64,
    /// The frame of the first message.
    pub(super) frame: String,
    /// Of clouds, the intensity that is full scale.
    pub(super) full_scale: f64,
    /// Of clouds and pictures, each message that can be read.
    pub(super) records: Vec<Record>,
    pub(super) places: Vec<Place>,
}

impl Heard {
    fn new(channel: &Arc<Channel>) -> Self {
        let (decoder, fault) = match Decoder::of(channel) {
            Ok(decoder) => (decoder, None),
            Err(fault) => (None, Some(fault)),
        };
        Self {
            channel: channel.clone(),
            decoder,
            fault,
            count: 0,
            broken: 0,
            unstamped: 0,
            frame: String::new(),
            full_scale: 1.0,
            records: Vec::new(),
            places: Vec::new(),
        }
    }

    /// What its messages are, if they are of a type that is read.
    pub(super) fn kind(&self) -> Option<Kind> {
        self.decoder.as_ref().map(|decoder| decoder.kind)
    }

    /// What a message says that came on `channel`.
    fn read(&self, channel: &Arc<Channel>, message: &Message) -> Option<Decoded<Content>> {
        let decoder = self.decoder.as_ref()?;
        if !Arc::ptr_eq(channel, &self.channel) && **channel != *self.channel {
            let expected = format!("{}, as in the topic's first message", self.channel.schema);
            return Some(Err(Fault::new("type", expected)));
        }
        Some(decoder.read(&message.data))
    }

    /// Its part in what is known of the log.
    pub(super) fn info(&self, read: bool) -> Topic {
        Topic {
            name: self.channel.topic.clone(),
            schema: self.channel.schema.clone(),
            encoding: self.channel.encoding.clone(),
            count: self.count,
            read,
        }
    }
}

impl Index {
    /// Goes once through a container.
    pub(super) fn build(path: &Path, container: &dyn Container) -> Result<Self> {
        let mut index = Self::default();
        // Twice the size of the file, and the allowance.
        let most = (2 * container.size() + ALLOWANCE) / ENTRY;
        let mut place = 0;
        let survey = container.pass(&mut |channel, message| {
            place += 1;
            index.take(channel, message, place);
            match index.entries {
                entries if entries > most => Err(Error::Malformed {
                    path: path.into(),
                    field: "messages".into(),
                    expected: format!("at most {most} in a log of its size"),
                }),
                _ => Ok(()),
            }
        })?;
        for channel in survey.channels {
            let unheard = || Heard::new(&channel);
            index
                .heard
                .entry(channel.topic.clone())
                .or_insert_with(unheard);
        }
        index.metadata = survey.metadata;
        index.lost.extend(survey.lost);
        index.notes.extend(survey.notes);
        // Who sends a transform again says nothing new.
        index.tree.settle(&mut Lost::new());
        index.lenses.values_mut().for_each(Lenses::settle);
        index.conclude();
        Ok(index)
    }

    /// Takes in the message that stands in the log at `place`.
    fn take(&mut self, channel: &Arc<Channel>, message: Message, place: u64) {
        if !self.heard.contains_key(&channel.topic) {
            self.heard
                .insert(channel.topic.clone(), Heard::new(channel));
        }
        let Some(heard) = self.heard.get_mut(&channel.topic) else {
            return;
        };
        heard.count += 1;
        let content = match heard.read(channel, &message) {
            None => return,
            Some(Ok(content)) => content,
            Some(Err(fault)) => {
                heard.broken += 1;
                heard.fault.get_or_insert(fault);
                return;
            }
        };
        self.entries += match &content {
            Content::Transforms(transforms) => transforms.len().max(1) as u64,
            _ => 1,
        };
        let topic = channel.topic.as_str();
        // Where a header has no stamp, the time of recording has to do.
        let mut record = |header: &Header| {
            let unset = header.stamp == 0;
            heard.unstamped += u64::from(unset);
            let stamp = if unset { message.logged } else { header.stamp };
            Record { place, stamp }
        };
        match content {
            Content::Cloud(cloud) => {
                let record = record(&cloud.header);
                if heard.records.is_empty() {
                    heard.full_scale = cloud.full_scale();
                    heard.frame = cloud.header.frame;
                }
                heard.records.push(record);
                heard.places.push(message.place);
            }
            Content::Picture(picture) => {
                let record = record(&picture.header);
                if heard.records.is_empty() {
                    heard.frame = picture.header.frame;
                }
                heard.records.push(record);
                heard.places.push(message.place);
            }
            Content::Lens(lens) => {
                let stamp = match lens.header.stamp {
                    0 => message.logged,
                    stamp => stamp,
                };
                let bytes = lens.bytes() as u64;
                let new = match self.lenses.get_mut(topic) {
                    Some(lenses) => lenses.add(stamp, lens),
                    None => {
                        self.lenses.insert(topic.into(), Lenses::new(stamp, lens));
                        true
                    }
                };
                if new {
                    self.entries += bytes.div_ceil(ENTRY);
                }
            }
            Content::Transforms(transforms) => {
                let fixed = topic.ends_with("tf_static");
                for transform in transforms {
                    self.tree.add(transform, place, fixed);
                }
            }
            Content::Located(located) => {
                let record = record(&located.header);
                let kind = heard.kind().unwrap_or(Kind::Pose);
                self.tracks.locate(topic, kind, record, located);
            }
            Content::Fix(fix) => {
                let record = record(&fix.header);
                if let Err(fault) = self.tracks.fix(topic, record, fix) {
                    heard.broken += 1;
                    heard.fault.get_or_insert(fault);
                }
            }
            Content::Orientation(orientation) => {
                let record = record(&orientation.header);
                self.tracks.orient(topic, record, orientation);
            }
        }
    }

    /// Checks that the topics that are asked for are there, and of a type
    /// that is read.
    pub(super) fn demand(&self, path: &Path, named: &[String]) -> Result<()> {
        let wrong = |name: &&String| {
            self.heard
                .get(*name)
                .is_none_or(|heard| heard.kind().is_none())
        };
        let Some(name) = named.iter().find(wrong) else {
            return Ok(());
        };
        let all = self
            .heard
            .iter()
            .map(|(topic, heard)| format!("{topic} ({})", heard.channel.schema));
        let all: Vec<String> = all.collect();
        let expected = match self.heard.get(name) {
            None => "one of the log's topics",
            Some(_) => "a topic of a type that is read",
        };
        Err(Error::Malformed {
            path: path.into(),
            field: format!("topic `{name}`"),
            expected: format!("{expected}: {}", all.join(", ")),
        })
    }

    /// Those of the topics that are asked for whose messages are of some
    /// kinds.
    pub(super) fn named(&self, named: &[String], kinds: &[Kind]) -> Vec<String> {
        let kind = |name: &String| self.heard.get(name).and_then(Heard::kind);
        let wanted = |name: &&String| kind(name).is_some_and(|kind| kinds.contains(&kind));
        named.iter().filter(wanted).cloned().collect()
    }

    /// The units that measure where the vehicle is.
    pub(super) fn units(&self) -> impl Iterator<Item = Sensor> {
        let units = self
            .heard
            .iter()
            .filter(|(_, heard)| matches!(heard.kind(), Some(Kind::Fix | Kind::Orientation)));
        units.map(|(topic, heard)| Sensor {
            name: topic.trim_matches('/').replace('/', "_"),
            kind: SensorKind::Ins,
            source: topic.clone(),
            count: heard.count as usize,
            rate_hz: rate_hz(self.tracks.records(topic)),
            resolution: None,
        })
    }

    /// All topics by name, and whether something was made of their messages.
    pub(super) fn topics(&self, way: &Way) -> Vec<Topic> {
        let others = self.heard.iter().map(|(topic, heard)| {
            heard.info(match heard.kind() {
                Some(Kind::Transforms | Kind::Lens) => true,
                _ => way.topics.contains(topic),
            })
        });
        let mut topics: Vec<Topic> = self.shown.iter().cloned().chain(others).collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        topics
    }

    /// Says what was wrong with topics. Where no message of one can be read,
    /// nothing was lost: its form is one that is not read.
    fn conclude(&mut self) {
        for (topic, heard) in &self.heard {
            if let Some(Fault { field, expected }) = &heard.fault {
                let all = heard.broken == heard.count || heard.decoder.is_none();
                let which = match all {
                    true => "it was left out".into(),
                    false => format!("{} of {} messages were left out", heard.broken, heard.count),
                };
                self.notes
                    .push(format!("{topic}: {which}: {field}: expected {expected}."));
                if !all {
                    *self.lost.entry(Loss::Malformed).or_default() += heard.broken;
                }
            }
            if heard.unstamped > 0 {
                let count = heard.unstamped;
                self.notes.push(format!(
                    "{topic}: {count} messages have no stamp; the time of recording stands for it."
                ));
            }
        }
        for [child, parent] in &self.tree.claims {
            self.notes.push(format!(
                "The frame `{child}` has a second parent, `{parent}`, which is not heeded."
            ));
        }
    }
}

/// Records per second, from the earliest to the latest.
pub(super) fn rate_hz(records: &[Record]) -> Option<f64> {
    let stamps = || records.iter().map(|record| record.stamp);
    let last = (records.len() as u64).checked_sub(1)?;
    info::rate_hz((0, stamps().min()?), (last, stamps().max()?))
}
