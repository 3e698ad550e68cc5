//! The SQLite databases in which rosbag2 kept its messages at first, and still
//! can (`rosbag2_storage_sqlite3`).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use std::collections::HashMap;

use super::container::{
    ALLOWANCE, Channel, Container, Message, NAMES_LIMIT, Place, Survey, begins_with,
};
use crate::error::{Error, Result};
use crate::loss::Loss;

const MAGIC: &[u8] = b"SQLite format 3\0";
/// The longest message that is read, bytes.
const LONGEST: i32 = 1 << 28;
/// The most instructions of SQLite's machine, in [`BURST`]s, until the next
/// row. A row takes some ten, and so does a table; but pages that have been
/// tampered with, each of which names the next a hundred times, are a tree of
/// more rows than could ever be gone through.
const BURSTS: u32 = 100;
const BURST: i32 = 10_000;

/// A database of messages.
#[derive(Debug)]
pub(super) struct Sqlite {
    path: PathBuf,
    size: u64,
    connection: Mutex<Connection>,
    /// What has run since the last row.
    bursts: Arc<AtomicU32>,
}

impl Sqlite {
    pub(super) fn recognises(path: &Path) -> bool {
        begins_with(path, MAGIC)
    }

    /// Opens a database to read it alone; `size` bounds the memory that it
    /// takes.
    pub(super) fn open(path: PathBuf, size: u64) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        let bursts = Arc::new(AtomicU32::new(0));
        let counted = bursts.clone();
        let tired = move || counted.fetch_add(1, Ordering::Relaxed) >= BURSTS;
        let connection =
            Connection::open_with_flags(uri(&path), flags).and_then(|mut connection| {
                connection.progress_handler(BURST, Some(tired))?;
                // What a database says about itself is not to be run.
                connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
                connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
                let longest = i32::try_from(size + ALLOWANCE)
                    .unwrap_or(LONGEST)
                    .min(LONGEST);
                connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, longest)?;
                connection.pragma_update(None, "cache_size", -4096)?;
                Ok(connection)
            });
        let connection = connection.map_err(|wrong| malformed(&path, wrong))?;
        let sqlite = Self {
            size,
            connection: Mutex::new(connection),
            bursts,
            path,
        };
        for table in ["topics", "messages"] {
            sqlite.demand(table)?;
        }
        Ok(sqlite)
    }

    /// Checks that a table is one, and not a view or a virtual table, which
    /// could have any number of rows.
    fn demand(&self, table: &str) -> Result<()> {
        let query = "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1 AND rootpage > 0";
        let count = self.lock().query_row(query, [table], |row| row.get(0));
        match count.map_err(|wrong| self.malformed(wrong))? {
            1 => Ok(()),
            0.. | ..0i64 => Err(Error::Malformed {
                path: self.path.clone(),
                field: table.into(),
                expected: "this table, which every rosbag2 database has".into(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.rest();
        // A connection is whole whatever thread failed while it held it.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to count anew.
    fn rest(&self) {
        self.bursts.store(0, Ordering::Relaxed);
    }

    fn malformed(&self, wrong: rusqlite::Error) -> Error {
        malformed(&self.path, wrong)
    }

    /// The topics by their numbers.
    fn channels(&self) -> Result<HashMap<i64, Arc<Channel>>> {
        let connection = self.lock();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let mut held = 0;
        let mut rows = |query: &str| -> Result<Vec<[Vec<u8>; 4]>> {
            let read = |wrong| self.malformed(wrong);
            let mut statement = connection.prepare(query).map_err(read)?;
            let mut rows = statement.query([]).map_err(read)?;
            let mut found = Vec::new();
            while let Some(row) = rows.next().map_err(read)? {
                self.rest();
                let mut fields: [Vec<u8>; 4] = Default::default();
                for (index, field) in fields.iter_mut().enumerate() {
                    *field = row.get(index).map_err(read)?;
                    held += field.len() + 64;
                }
                if held > NAMES_LIMIT {
                    return Err(Error::Malformed {
                        path: self.path.clone(),
                        field: "topics".into(),
                        expected: format!("at most {NAMES_LIMIT} bytes of names and definitions"),
                    });
                }
                found.push(fields);
            }
            Ok(found)
        };
        let topics = rows(
            "SELECT CAST(id AS BLOB), CAST(name AS BLOB), CAST(type AS BLOB), \
             CAST(serialization_format AS BLOB) FROM topics",
        )?;
        // Logs written before 2023 have no such table.
        let definitions = rows(
            "SELECT CAST(topic_type AS BLOB), CAST(encoding AS BLOB), \
             CAST(encoded_message_definition AS BLOB), x'' FROM message_definitions",
        );
        let definitions: HashMap<Vec<u8>, (Vec<u8>, Vec<u8>)> = definitions
            .unwrap_or_default()
            .into_iter()
            .map(|[name, encoding, definition, _]| (name, (encoding, definition)))
            .collect();
        let channel = |[id, topic, schema, encoding]: [Vec<u8>; 4]| {
            let known = definitions.get(&schema).cloned().unwrap_or_default();
            let (definition_encoding, definition) = known;
            let channel = Channel {
                topic: text(topic),
                schema: text(schema),
                encoding: text(encoding),
                definition_encoding: text(definition_encoding),
                definition: definition.into(),
            };
            Some((text(id).parse().ok()?, Arc::new(channel)))
        };
        Ok(topics.into_iter().filter_map(channel).collect())
    }
}

impl Container for Sqlite {
    fn pass(&self, visit: &mut dyn FnMut(&Arc<Channel>, Message) -> Result<()>) -> Result<Survey> {
        let channels = self.channels()?;
        let mut survey = Survey {
            channels: channels.values().cloned().collect(),
            ..Survey::default()
        };
        let connection = self.lock();
        let read = |wrong| self.malformed(wrong);
        let query = "SELECT rowid, topic_id, timestamp, data FROM messages ORDER BY rowid";
        let mut statement = connection.prepare(query).map_err(read)?;
        let mut rows = statement.query([]).map_err(read)?;
        let mut before = i64::MIN;
        loop {
            self.rest();
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                // What came before the damage is whole.
                Err(wrong) => {
                    let path = self.path.display();
                    let note = format!("{path}: the messages break off: {wrong}.");
                    survey.lose(Loss::BrokenOff, note);
                    break;
                }
            };
            let number: i64 = row.get(0).map_err(read)?;
            // Damaged pages may lead in a circle.
            if number <= before && before != i64::MIN {
                let path = self.path.display();
                let note = format!(
                    "{path}: the messages break off after row {before}, which row {number} follows."
                );
                survey.lose(Loss::BrokenOff, note);
                break;
            }
            before = number;
            let fields = row.get(1).and_then(|topic: i64| {
                let data = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
                Ok((topic, row.get(2)?, data))
            });
            let known = fields
                .ok()
                .and_then(|(topic, logged, data)| Some((channels.get(&topic)?, logged, data)));
            let Some((channel, logged, data)) = known else {
                *survey.lost.entry(Loss::Malformed).or_default() += 1;
                continue;
            };
            let place = Place {
                file: 0,
                at: number,
                within: None,
                sequence: 0,
                length: data.len() as u32,
                packed: None,
            };
            let data = Bytes::copy_from_slice(data);
            visit(
                channel,
                Message {
                    place,
                    logged,
                    data,
                },
            )?;
        }
        Ok(survey)
    }

    fn fetch(&self, place: Place) -> Result<Bytes> {
        let connection = self.lock();
        let query = "SELECT data FROM messages WHERE rowid = ?1";
        let row = connection.query_row(query, [place.at], |row| row.get::<_, Vec<u8>>(0));
        row.map(Bytes::from).map_err(|wrong| self.malformed(wrong))
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// A database's address. Where no journal of unfinished writes lies beside it,
/// it is said not to change, so that nothing need be written for reading it.
fn uri(path: &Path) -> PathBuf {
    let journal = path.as_os_str().to_string_lossy() + "-wal";
    let Some(name) = path.to_str().filter(|_| !Path::new(&*journal).exists()) else {
        return path.into();
    };
    let name = name
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    format!("file:{name}?immutable=1").into()
}

fn malformed(path: &Path, wrong: rusqlite::Error) -> Error {
    Error::Malformed {
        path: path.into(),
        field: "database".into(),
        expected: format!("one that rosbag2 wrote: {wrong}"),
    }
}
