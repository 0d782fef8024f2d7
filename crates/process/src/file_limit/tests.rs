use nix::sys::resource::{Resource, getrlimit};

use super::*;

#[test]
fn the_soft_limit_becomes_the_hard_limit() {
    let limit = raise_file_limit();
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    assert_eq!((Some(soft), soft), (limit, hard));
}
