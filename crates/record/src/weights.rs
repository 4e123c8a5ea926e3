//! The hash of a run's final weights: of those in its last checkpoint, or as it was published without one.

use std::fs;

use crate::{RecordError, RunDirectory, write_atomically};

/// The file with the weights in the folder of a checkpoint.
const WEIGHTS: &str = "model.safetensors";

/// Below the run directory: their hash, as `b3sum` prints it.
const WEIGHTS_HASH: &str = "weights.blake3";

impl RunDirectory {
    /// BLAKE3 of the weights after the last step, 64 hexadecimal digits: of the checkpoint of that step where there is one, else as it was
    /// recorded by [`write_weights_hash`](Self::write_weights_hash). `None` for runs published before weights were recorded.
    ///
    /// # Errors
    /// [`RecordError::Io`] when a file exists and cannot be read; [`RecordError::Malformed`] when the recorded hash is none.
    pub fn weights_hash(&self, last_step: u64) -> Result<Option<String>, RecordError> {
        let weights = self.checkpoints().join(format!("step-{last_step:08}")).join(WEIGHTS);
        let recorded = self.path().join(WEIGHTS_HASH);
        if weights.is_file() {
            let bytes = fs::read(&weights).map_err(RecordError::io("read", &weights))?;
            return Ok(Some(blake3::hash(&bytes).to_hex().to_string()));
        }
        if !recorded.is_file() {
            return Ok(None);
        }
        let text = fs::read_to_string(&recorded).map_err(RecordError::io("read", &recorded))?;
        let hash = text.split_whitespace().next().unwrap_or_default();
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let reason = "it does not begin with 64 hexadecimal digits".to_owned();
            return Err(RecordError::Malformed { path: recorded, format: WEIGHTS_HASH, reason });
        }
        Ok(Some(hash.to_owned()))
    }

    /// Records the hash of the final weights, for a copy of the run that does not hold them.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn write_weights_hash(&self, hash: &str) -> Result<(), RecordError> {
        let line = format!("{hash}  {WEIGHTS}\n");
        write_atomically(&self.path().join(WEIGHTS_HASH), line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_weights_outlives_the_weights() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::at(folder.path());
        assert_eq!(run.weights_hash(7).unwrap(), None);
        let checkpoint = run.checkpoints().join("step-00000007");
        fs::create_dir_all(&checkpoint).unwrap();
        fs::write(checkpoint.join(WEIGHTS), b"weights").unwrap();
        let hash = run.weights_hash(7).unwrap().unwrap();
        assert_eq!(run.weights_hash(6).unwrap(), None, "weights of another step are not the final ones");
        run.write_weights_hash(&hash).unwrap();
        fs::remove_dir_all(run.checkpoints()).unwrap();
        assert_eq!(run.weights_hash(7).unwrap(), Some(hash));
        fs::write(folder.path().join(WEIGHTS_HASH), "none").unwrap();
        assert!(matches!(run.weights_hash(7), Err(RecordError::Malformed { .. })));
    }
}
