//! Tells the program which commit it is built from.

fn main() -> std::io::Result<()> {
    switchyard_revision::emit()
}
