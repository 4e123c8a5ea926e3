//! The measured values of every run as event files that TensorBoard reads, one folder a run; written on request.
//!
//! A file is a sequence of records: length (u64), masked CRC-32C of the length, data, masked CRC-32C of the data, all little-endian. The data are
//! protocol buffers `Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }` with
//! `Summary { repeated Value value = 1; }` and `Value { string tag = 1; float simple_value = 2; }`. Source: TensorFlow's `record_writer.cc`,
//! `event.proto` and `summary.proto`.

use allconv_record::MetricPoint;

use super::ReportFile;
use crate::results::{RunResult, StudyResults};

/// Added to a checksum so that data which contain checksums do not look like them.
const MASK: u32 = 0xa282_ead8;

/// The Castagnoli polynomial, reflected.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// One file per run with measured values, `tensorboard/<run>/events.out.tfevents.<created>.allconv`; runs of the search included.
pub(crate) fn event_files(results: &StudyResults) -> Vec<ReportFile> {
    let searched = results.search.iter().flat_map(|search| &search.rungs).flat_map(|rung| &rung.cells);
    results.runs.iter().chain(searched.flat_map(|cell| &cell.runs)).filter_map(event_file).collect()
}

fn event_file(run: &RunResult) -> Option<ReportFile> {
    let (record, folder) = (run.record.as_ref()?, run.folder_name()?);
    if run.curves.is_empty() {
        return None;
    }
    let created = record.created_unix_seconds;
    let mut content = Vec::new();
    push_record(&mut content, &version_event(created as f64));
    let mut points: Vec<&MetricPoint> = run.curves.values().flatten().collect();
    points.sort_by_key(|point| point.step);
    for point in points {
        // The journal holds no times: steps are spread evenly over the time the run took.
        let share = point.step as f64 / record.total_steps.max(1) as f64;
        let seconds = record.timings.training_seconds + record.timings.evaluation_seconds;
        push_record(&mut content, &scalar_event(created as f64 + share * seconds, point));
    }
    Some(ReportFile { path: format!("tensorboard/{folder}/events.out.tfevents.{created}.allconv"), content })
}

fn version_event(wall_time: f64) -> Vec<u8> {
    let mut event = double_field(1, wall_time);
    event.extend(bytes_field(3, b"brain.Event:2"));
    event
}

fn scalar_event(wall_time: f64, point: &MetricPoint) -> Vec<u8> {
    let tag = format!("{}/{}", point.split.name(), point.name);
    let mut value = bytes_field(1, tag.as_bytes());
    value.push(2 << 3 | 5);
    value.extend((point.value as f32).to_le_bytes());
    let mut event = double_field(1, wall_time);
    event.push(2 << 3);
    event.extend(varint(point.step));
    event.extend(bytes_field(5, &bytes_field(1, &value)));
    event
}

fn double_field(number: u8, value: f64) -> Vec<u8> {
    std::iter::once(number << 3 | 1).chain(value.to_le_bytes()).collect()
}

fn bytes_field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    field.extend(varint(bytes.len() as u64));
    field.extend(bytes);
    field
}

/// Seven bits a byte, the lowest first, the highest bit set on all but the last.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn push_record(content: &mut Vec<u8>, data: &[u8]) {
    let length = (data.len() as u64).to_le_bytes();
    content.extend(length);
    content.extend(masked(crc32c(&length)).to_le_bytes());
    content.extend(data);
    content.extend(masked(crc32c(data)).to_le_bytes());
}

fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(MASK)
}

/// CRC-32C bit by bit: event files are a few kilobytes.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut state = u32::MAX;
    for byte in bytes {
        state ^= u32::from(*byte);
        for _ in 0..8 {
            state = if state & 1 == 1 { (state >> 1) ^ POLYNOMIAL } else { state >> 1 };
        }
    }
    !state
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::testing::{small_study, write_run};
    use allconv_record::{SplitName, Status};

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // RFC 3720, B.4, and the usual check word.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_scalar_is_encoded_as_the_protocol_buffer_says() {
        let point =
            MetricPoint { step: 300, epoch: 1.0, split: SplitName::Test, name: "e".into(), value: 0.5 };
        let expected = [
            &[0x09][..],
            &2.0_f64.to_le_bytes(),
            &[0x10, 0xac, 0x02],
            &[0x2a, 0x0f, 0x0a, 0x0d, 0x0a, 0x06],
            b"test/e",
            &[0x15],
            &0.5_f32.to_le_bytes(),
        ]
        .concat();
        assert_eq!(scalar_event(2.0, &point), expected);
    }

    #[test]
    fn every_run_with_values_has_a_file_of_whole_records() {
        let folder = tempfile::tempdir().unwrap();
        let study = small_study(1);
        for planned in &plan(&study)[..2] {
            write_run(folder.path(), planned, Status::Finished, Some(0.2));
        }
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        let files = event_files(&results);
        assert_eq!(files.len(), 2);
        let mut rest = files[0].content.as_slice();
        let mut records = 0;
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            let data = &rest[12..12 + length];
            let checksum = u32::from_le_bytes(rest[12 + length..16 + length].try_into().unwrap());
            assert_eq!(checksum, masked(crc32c(data)));
            rest = &rest[16 + length..];
            records += 1;
        }
        assert_eq!(records, 1 + 5, "the version, two losses, two validation errors, one test error");
    }
}
