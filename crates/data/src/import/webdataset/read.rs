//! The reading of shards: each sample is decoded once, and its record kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::classes::{self, Names};
use super::paths::{described, linked, split_of};
use super::sample::{Sample, Samples};
use crate::error::DataError;
use crate::import::layout::SplitName;
use crate::import::left_out::LeftOut;
use crate::import::options::ShardOptions;
use crate::import::{archive, decode, divide};
use crate::shards::{Contents, Record, SetHeader, check_of, write_linked};

/// Samples and bytes decoded together; bounds on memory, without influence on the result.
const CHUNK: usize = 1024;
const CHUNK_BYTES: usize = 32 << 20;

/// A sample that has been decoded; the label of its record is provisional until all classes are known.
struct Found {
    split: Option<SplitName>,
    class: u32,
    record: Record,
}

/// Reads shards.
pub(super) struct Reader<'a> {
    shards: &'a [PathBuf],
    options: &'a ShardOptions,
    names: Option<Names>,
    /// Provisional numbers of the classes.
    classes: BTreeMap<String, u32>,
    found: Vec<Found>,
    /// What the samples are ranked by, where they are divided.
    ranks: Vec<[u8; 32]>,
    pending: Vec<(Sample, usize)>,
    pending_bytes: usize,
    left_out: LeftOut,
}

/// Everything that the index of shards lists.
pub(super) struct ReadShards {
    pub(super) left_out: LeftOut,
    pub(super) tests_on_validation: bool,
    classes: Vec<String>,
    /// In the order of splits.
    records: Vec<(SplitName, Record)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(shards: &'a [PathBuf], options: &'a ShardOptions) -> Result<Reader<'a>, DataError> {
        let Some(first) = shards.first() else {
            return Err(DataError::bad_file("the source", "at least one shard", "none", "check the path"));
        };
        let odd = shards.iter().find(|shard| split_of(shard).is_some() != split_of(first).is_some());
        if let Some(odd) = odd {
            let expected =
                format!("a split in the name of every shard, or of none, as of {}", first.display());
            let fix = "name shards such as train-000000.tar and test-000000.tar";
            return Err(DataError::bad_file(odd.display(), expected, "another kind of name", fix));
        }
        let (is_divided, share) = (split_of(first).is_some(), options.test_share.is_some());
        if is_divided == share {
            let (found, fix) = match is_divided {
                true => ("both", "leave --test-share out"),
                false => ("neither", "divide with --test-share 0.2, or name shards such as train-000000.tar"),
            };
            let expected = "either splits in the names of shards or --test-share";
            return Err(DataError::bad_file(first.display(), expected, found, fix));
        }
        Ok(Reader {
            shards,
            options,
            names: Names::beside(first)?,
            classes: BTreeMap::new(),
            found: Vec::new(),
            ranks: Vec::new(),
            pending: Vec::new(),
            pending_bytes: 0,
            left_out: LeftOut::default(),
        })
    }

    /// Reads all shards in order.
    ///
    /// # Errors
    /// As [`super::import_shards`].
    pub(super) fn read(&mut self) -> Result<(), DataError> {
        for (number, shard) in self.shards.iter().enumerate() {
            let mut samples = Samples::new(shard.display().to_string(), self.options.label_field.as_deref());
            archive::walk_places(shard, &self.options.limits, &mut |entry, place| match samples.add(
                entry,
                place,
                &mut self.left_out,
            )? {
                Some(sample) => self.take(sample, number),
                None => Ok(()),
            })?;
            if let Some(sample) = samples.finish()? {
                self.take(sample, number)?;
            }
        }
        self.decode_pending()
    }

    fn take(&mut self, sample: Sample, shard: usize) -> Result<(), DataError> {
        self.pending_bytes += sample.bytes.len();
        self.pending.push((sample, shard));
        match self.pending.len() == CHUNK || self.pending_bytes >= CHUNK_BYTES {
            true => self.decode_pending(),
            false => Ok(()),
        }
    }

    fn decode_pending(&mut self) -> Result<(), DataError> {
        self.pending_bytes = 0;
        let decoded: Vec<_> = std::mem::take(&mut self.pending)
            .into_par_iter()
            .map(|(sample, shard)| (decode::decode_rgb(&sample.bytes), sample, shard))
            .collect();
        for (image, sample, shard) in decoded {
            let file = || format!("{}!{}", self.shards[shard].display(), sample.path);
            let shape = image.map_err(|found| decode::refused(&file(), found))?.shape;
            let next = self.classes.len() as u32;
            let class = *self.classes.entry(sample.class).or_insert(next);
            let record = Record {
                check: check_of(&sample.bytes),
                offset: sample.place,
                length: sample.bytes.len() as u32,
                shard: shard as u32,
                label: 0,
                height: shape.height as u16,
                width: shape.width as u16,
            };
            self.found.push(Found { split: split_of(&self.shards[shard]), class, record });
            if let Some(share) = self.options.test_share {
                self.ranks.push(share.rank(blake3::hash(&sample.bytes).as_bytes()));
            }
        }
        Ok(())
    }

    /// Orders the classes, and divides the samples.
    ///
    /// # Errors
    /// Too few classes, a class without training images, no training or no test images.
    pub(super) fn finish(mut self, source: &str) -> Result<ReadShards, DataError> {
        let (classes, numbers) = classes::ordered(source, &self.classes, self.names.take())?;
        self.divide()?;
        let holds = |split| self.found.iter().any(|found| found.split == Some(split));
        let tests_on_validation = !holds(SplitName::Test) && holds(SplitName::Validation);
        let mut records = Vec::with_capacity(self.found.len());
        for found in &self.found {
            let split = match found.split.unwrap_or(SplitName::Train) {
                SplitName::Validation if tests_on_validation => SplitName::Test,
                split => split,
            };
            records.push((split, Record { label: numbers[found.class as usize], ..found.record }));
        }
        records.sort_by_key(|(split, _)| *split);
        check_splits(source, &classes, &records)?;
        Ok(ReadShards { left_out: self.left_out, tests_on_validation, classes, records })
    }

    /// Makes a share of each class test images, where shards are not divided.
    fn divide(&mut self) -> Result<(), DataError> {
        let Some(share) = self.options.test_share else { return Ok(()) };
        let mut classed: Vec<Vec<([u8; 32], usize)>> = vec![Vec::new(); self.classes.len()];
        for (place, (found, rank)) in self.found.iter().zip(&self.ranks).enumerate() {
            classed[found.class as usize].push((*rank, place));
        }
        for (class, number) in &self.classes {
            let mut ranked = std::mem::take(&mut classed[*number as usize]);
            let class = format!("{}, class {class}", described(self.shards));
            let tested: Vec<usize> =
                divide::tested(&class, &mut ranked, share)?.iter().map(|(_, place)| *place).collect();
            tested.into_iter().for_each(|place| self.found[place].split = Some(SplitName::Test));
        }
        Ok(())
    }
}

/// Refuses a set without training or test images, and classes that are tested on and never trained on.
fn check_splits(source: &str, classes: &[String], records: &[(SplitName, Record)]) -> Result<(), DataError> {
    for split in [SplitName::Train, SplitName::Test] {
        if !records.iter().any(|(of, _)| *of == split) {
            let fix = "give the shards of this split too, or divide shards without one with --test-share 0.2";
            let expected = format!("shards of the split {}", split.folder());
            return Err(DataError::bad_file(source, expected, "none", fix));
        }
    }
    let mut trained = vec![false; classes.len()];
    for (split, record) in records {
        match split {
            SplitName::Train => trained[usize::from(record.label)] = true,
            _ if trained[usize::from(record.label)] => {}
            _ => {
                let class = &classes[usize::from(record.label)];
                let expected = "classes that the train split holds images of";
                let found = format!("{} images of class {class} without any there", split.folder());
                return Err(DataError::bad_file(source, expected, found, "give training images of it"));
            }
        }
    }
    Ok(())
}

impl ReadShards {
    /// Hashes what is imported, so that the same shards are recognised.
    pub(super) fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (split, record) in &self.records {
            hasher.update(&[*split as u8]).update(&record.offset.to_le_bytes());
            record.hash_into(&mut hasher);
        }
        self.classes.iter().for_each(|class| {
            hasher.update(&(class.len() as u64).to_le_bytes()).update(class.as_bytes());
        });
        hasher.finalize().to_hex().to_string()
    }

    /// Writes the index, and links to the shards.
    pub(super) fn write(self, target: &Path, shards: &[PathBuf], hash: &str) -> Result<SetHeader, DataError> {
        let records = self.records.iter().copied();
        let contents = Contents { classes: self.classes, shards: linked(shards)?, records };
        write_linked(target, shards, contents, hash)
    }
}
