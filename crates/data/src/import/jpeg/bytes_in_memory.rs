//! Bytes in memory as the JPEG decoder reads them.

use zune_jpeg::zune_core::bytestream::{ZByteIoError, ZByteReaderTrait, ZSeekFrom};

/// Bytes and the place of the next one, which may lie behind the end.
///
/// The entropy decoder takes one to four bytes at a time. zune's own `ZCursor` leads each such step through the traits of `std::io`;
/// here it is a comparison and a load.
pub(super) struct BytesInMemory<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BytesInMemory<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> BytesInMemory<'a> {
        BytesInMemory { bytes, position: 0 }
    }

    #[inline(always)]
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }
}

impl ZByteReaderTrait for BytesInMemory<'_> {
    #[inline(always)]
    fn read_byte_no_error(&mut self) -> u8 {
        match self.bytes.get(self.position) {
            Some(&byte) => {
                self.position += 1;
                byte
            }
            None => 0,
        }
    }

    #[inline(always)]
    fn read_exact_bytes(&mut self, buf: &mut [u8]) -> Result<(), ZByteIoError> {
        self.peek_exact_bytes(buf)?;
        self.position += buf.len();
        Ok(())
    }

    #[inline(always)]
    fn read_bytes(&mut self, buf: &mut [u8]) -> Result<usize, ZByteIoError> {
        let count = self.peek_bytes(buf)?;
        self.position += count;
        Ok(count)
    }

    #[inline(always)]
    fn peek_bytes(&mut self, buf: &mut [u8]) -> Result<usize, ZByteIoError> {
        let rest = self.rest();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    #[inline(always)]
    fn peek_exact_bytes(&mut self, buf: &mut [u8]) -> Result<(), ZByteIoError> {
        let rest = self.rest();
        let Some(found) = rest.get(..buf.len()) else {
            return Err(ZByteIoError::NotEnoughBytes(rest.len(), buf.len()));
        };
        buf.copy_from_slice(found);
        Ok(())
    }

    #[inline(always)]
    fn z_seek(&mut self, from: ZSeekFrom) -> Result<u64, ZByteIoError> {
        let target = match from {
            ZSeekFrom::Start(target) => usize::try_from(target).ok(),
            ZSeekFrom::End(offset) => self.bytes.len().checked_add_signed(offset as isize),
            ZSeekFrom::Current(offset) => self.position.checked_add_signed(offset as isize),
        };
        self.position = target.ok_or(ZByteIoError::SeekError("a place before the first byte"))?;
        Ok(self.position as u64)
    }

    #[inline(always)]
    fn is_eof(&mut self) -> Result<bool, ZByteIoError> {
        Ok(self.position >= self.bytes.len())
    }

    #[inline(always)]
    fn z_position(&mut self) -> Result<u64, ZByteIoError> {
        Ok(self.position as u64)
    }

    fn read_remaining(&mut self, sink: &mut Vec<u8>) -> Result<usize, ZByteIoError> {
        let rest = self.rest();
        sink.extend_from_slice(rest);
        self.position += rest.len();
        Ok(rest.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zune_jpeg::zune_core::bytestream::ZCursor;

    /// What each method answers from `start` on, with a buffer of `length` bytes, and where it leads.
    fn answers<T: ZByteReaderTrait>(mut reader: T, start: usize, length: usize) -> Vec<String> {
        type Method<T> = fn(&mut T, &mut Vec<u8>) -> String;
        let methods: [Method<T>; 10] = [
            |reader, _| reader.read_byte_no_error().to_string(),
            |reader, buffer| format!("{:?}", reader.read_exact_bytes(buffer).ok()),
            |reader, buffer| format!("{:?}", reader.read_bytes(buffer)),
            |reader, buffer| format!("{:?}", reader.peek_bytes(buffer)),
            |reader, buffer| format!("{:?}", reader.peek_exact_bytes(buffer).ok()),
            |reader, buffer| format!("{:?}", reader.read_remaining(buffer)),
            |reader, _| format!("{:?}", reader.is_eof()),
            |reader, _| format!("{:?}", reader.z_seek(ZSeekFrom::Current(-2)).ok()),
            |reader, _| format!("{:?}", reader.z_seek(ZSeekFrom::Current(2)).ok()),
            |reader, _| format!("{:?}", reader.z_seek(ZSeekFrom::End(-3)).ok()),
        ];
        let mut one = |method: &Method<T>| {
            reader.z_seek(ZSeekFrom::Start(start as u64)).expect("a place");
            let mut buffer = vec![0; length];
            let answer = method(&mut reader, &mut buffer);
            // A buffer that was not filled holds nothing that anybody may read.
            let found = if answer == "None" { Vec::new() } else { buffer };
            format!("{answer} {found:?} {:?}", reader.z_position())
        };
        methods.iter().map(&mut one).collect()
    }

    #[test]
    fn every_method_answers_as_the_decoders_own_reader_does() {
        let bytes = [1, 2, 255, 4, 5];
        for start in 0..=bytes.len() + 2 {
            for length in 0..=bytes.len() + 1 {
                let ours = answers(BytesInMemory::new(&bytes), start, length);
                assert_eq!(ours, answers(ZCursor::new(&bytes), start, length), "{length} bytes from {start}");
            }
        }
    }
}
