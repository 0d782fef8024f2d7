//! Whatever stands in a state, reading it neither panics nor takes much more memory than the state is long.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use switchyard_state::{Container, Writer};

type Content = (u64, Vec<(String, Option<u128>)>, BTreeMap<String, Vec<i64>>);

fuzz_target!(|data: &[u8]| {
    // A checksum is not found by chance, so the bytes are sealed, too.
    let sealed = {
        let mut sealed = data.to_vec();
        sealed.extend(crc32fast::hash(data).to_be_bytes());
        sealed
    };
    for bytes in [data, &sealed] {
        let Ok(state) = Container::read(bytes) else {
            continue;
        };
        let mut writer = Writer::new(state.written);
        for section in state.sections() {
            let Ok(content) = section.decode::<Content>(1) else {
                continue;
            };
            writer
                .add(section.name, 1, &content)
                .expect("it had room before");
        }
        let again = writer.finish();
        Container::read(&again).expect("what is written is read");
    }
});
