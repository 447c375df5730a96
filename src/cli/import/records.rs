//! The records of a CSV file (RFC 4180), one after the other, each with the line it begins on.

use std::io::BufRead;

use csv_core::{ReadRecordResult, Reader};

/// A longer record is a file with a quotation mark too many.
const LONGEST: usize = 64 * 1024;

pub(super) struct Records<R> {
    input: R,
    core: Reader,
    over: bool,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, core: Reader::new(), over: false }
    }

    fn read(&mut self) -> Result<Option<Vec<String>>, String> {
        let (mut text, mut ends) = (vec![0; 1_024], vec![0; 16]);
        let (mut written, mut ended) = (0, 0);
        loop {
            let input = self.input.fill_buf().map_err(|error| error.to_string())?;
            let (into, ends_into) = (text.get_mut(written..), ends.get_mut(ended..));
            let (result, read, wrote, found) =
                self.core.read_record(input, into.unwrap_or_default(), ends_into.unwrap_or_default());
            self.input.consume(read);
            written += wrote;
            ended += found;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if text.len() >= LONGEST => {
                    return Err("this row is too long: is a quotation mark not closed?".to_owned());
                }
                ReadRecordResult::OutputFull => text.resize(text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => ends.resize(ends.len() * 2, 0),
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
            }
        }
        let mut begin = 0;
        let field = |&end: &usize| {
            let bytes = text.get(std::mem::replace(&mut begin, end)..end).unwrap_or_default();
            String::from_utf8(bytes.to_vec()).map_err(|_| "this is not UTF-8".to_owned())
        };
        ends.iter().take(ended).map(field).collect::<Result<_, _>>().map(Some)
    }
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = (u64, Result<Vec<String>, String>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let line = self.core.line();
        match self.read() {
            Ok(Some(record)) => Some((line, Ok(record))),
            Ok(None) => None,
            Err(why) => {
                // After a row that is only not UTF-8 the next one can be read; after any other nothing can.
                self.over = why != "this is not UTF-8";
                Some((line, Err(why)))
            }
        }
    }
}
