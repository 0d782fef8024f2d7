use std::fs;

use super::*;

/// The cycles in a crate of these files, each as `a -> b, b -> a`, without places.
fn cycles_in(files: &[(&str, &str)]) -> Vec<String> {
    let edges = |cycle: &Vec<String>| {
        let edges: Vec<_> = cycle
            .iter()
            .map(|edge| edge.split(" (").next().unwrap().to_owned())
            .collect();
        edges.join(", ")
    };
    places(files).iter().map(edges).collect()
}

/// The cycles in a crate of these files, with the places relative to its folder.
fn places(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let src = format!("{}/", folder.path().display());
    let mut cycles = cycles(folder.path()).unwrap();
    for edge in cycles.iter_mut().flatten() {
        *edge = edge.replace(&src, "");
    }
    cycles
}

const A_B: &str = "mod a; mod b;";

#[test]
fn a_cycle_names_each_edge_with_its_places() {
    let cycle = places(&[
        ("lib.rs", "mod a;\nmod b;\nmod c;"),
        ("a.rs", "//! A.\nuse crate::b::B;\npub struct A(B);"),
        ("b.rs", "use crate::c;\npub struct B(c::C);"),
        (
            "c.rs",
            "pub struct C;\n\n\nfn f() { crate::a::f(super::a::A) }\nfn g() { crate::a::h() }\nfn h() { crate::a::h() }\nfn i() { crate::a::h() }",
        ),
    ]);
    assert_eq!(
        cycle,
        [[
            "a -> b (a.rs:2)",
            "b -> c (b.rs:1)",
            "c -> a (c.rs:4, c.rs:5, c.rs:6 and 1 more)"
        ]]
    );
}

#[test]
fn a_graph_without_cycles_has_none() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
        (
            "a.rs",
            "use crate::{b::B, c::*};\nuse std::fmt;\npub struct A(B, C);",
        ),
        ("b.rs", "use super::c::C as D;\npub struct B(D);"),
        ("c.rs", "use crate::Root;\npub struct C;"),
    ];
    assert_eq!(cycles_in(&files), [] as [&str; 0]);
}

#[test]
fn a_cycle_of_nested_modules_is_found() {
    let files = [
        ("lib.rs", "mod out;"),
        ("out.rs", "mod a;\nmod b;"),
        ("out/a.rs", "use super::b::B;"),
        ("out/b.rs", "mod deep;\nmod other;"),
        ("out/b/deep.rs", "use super::super::a::A;"),
        ("out/b/other.rs", "use crate::out::b::deep::D;"),
    ];
    assert_eq!(cycles_in(&files), ["out::a -> out::b, out::b -> out::a"]);
}

#[test]
fn siblings_stand_for_their_subtrees() {
    let files = [
        ("main.rs", A_B),
        ("a/mod.rs", "mod x;\nmod y;"),
        ("a/x.rs", "use crate::b::B;"),
        ("a/y.rs", "pub struct Y;"),
        ("b.rs", "use crate::a::y::Y;"),
    ];
    assert_eq!(cycles_in(&files), ["a -> b, b -> a"]);
}

#[test]
fn a_child_may_use_the_own_types_of_its_parent() {
    let files = [
        ("lib.rs", "mod a;\npub struct Root;"),
        ("a.rs", "mod x;\nuse x::X;\npub struct A(X);"),
        ("a/x.rs", "use super::A;\nuse crate::Root;\npub struct X;"),
    ];
    assert_eq!(cycles_in(&files), [] as [&str; 0]);
}

#[test]
fn a_parent_does_not_hide_what_it_imports_or_re_exports() {
    for (parent, child) in [
        ("mod x;\nmod y;\npub use x::X;", "use super::X;"),
        (
            "mod x;\nmod y;\nuse self::x::X as Z;",
            "use super::*;\nfn f(_: Z) {}",
        ),
        ("mod x;\nmod y;\npub use x::*;", "fn f(_: super::X) {}"),
        (
            "mod x;\nmod y;\npub use x::{self as z};",
            "use super::z; fn f() { z::g() }",
        ),
    ] {
        let files = [
            ("lib.rs", "mod a;"),
            ("a.rs", parent),
            ("a/x.rs", "use super::y::Y;\npub struct X;"),
            ("a/y.rs", child),
        ];
        let expected = ["a::x -> a::y, a::y -> a::x"];
        assert_eq!(cycles_in(&files), expected, "{parent} {child}");
    }
}

#[test]
fn every_form_of_a_reference_counts() {
    for reference in [
        "use crate::b::B;",
        "pub(crate) use super::b::{self, B};",
        "use crate::{b as c};",
        "use {crate::b::B as _, std::fmt};",
        "fn f() { use crate::b::*; }",
        "fn f() { crate::b::f::<u8>() }",
        "fn f(_: &dyn super::b::T) {}",
        "use crate::b::r#type;",
        "macro_rules! m { () => { $crate::b::f() } }",
        "fn f() { select! { x = crate::b::f() => {} } }",
        "#[derive(crate::b::D)]\nstruct A;",
        "impl<T> crate::b::T for A where T: Into<crate::b::B> {}",
        "use super::*; fn f() { b::f() }",
        "mod x { fn f() { super::super::b::f() } }",
        "mod x { use crate::b; }",
        "#[cfg(any(test, unix))]\nuse crate::b;",
        "#[cfg(not(test))]\nuse crate::b;",
        "#[cfg(test)]\nuse x::{y, z};\nuse crate::b;",
        "#[cfg(test)]\nfn f<A, B>() {}\nuse crate::b;",
        "struct A { #[cfg(test)] x: u8, y: crate::b::B }",
    ] {
        let files = [
            ("lib.rs", A_B),
            ("a.rs", reference),
            ("b.rs", "use crate::a;"),
        ];
        assert_eq!(cycles_in(&files), ["a -> b, b -> a"], "{reference}");
    }
}

#[test]
fn what_is_no_reference_does_not_count() {
    for other in [
        "// use crate::b::B;",
        "/// [`crate::b`]\nstruct A;",
        "/* crate::b::f() /* nested */ crate::b */",
        "const A: &str = \"use crate::b::B;\";",
        "const A: &str = r#\"\"crate::b\"\"#;",
        "#[cfg(test)]\nmod tests { use crate::b::B; }",
        "#[cfg(test)]\nmod tests;",
        "#[cfg(all(test, unix))]\n#[path = \"nowhere.rs\"]\nmod tests;",
        "#[cfg(test)]\nuse crate::b::{B, C};",
        "#[cfg(test)]\npub(crate) fn f<A, B>() -> A where A: crate::b::T { crate::b::f() }",
        "#[cfg(test)]\nconst B: crate::b::B = crate::b::B { x: crate::b::X };",
        "struct A { #[cfg(test)] x: crate::b::B, y: u8 }",
        "fn f() { #[cfg(test)] let x = { crate::b::f() }; }",
        "#![cfg(test)]\nuse crate::b;",
        "use ::b::B;",
        "use b::B;",
        "fn f() { b::f(); x.b::<u8>(); ::b::f(); <u8>::b::f() }",
        "mod b { pub struct B; }\nuse b::B;",
        "pub(in crate::b) struct A;",
        "fn f(x: impl Sized + use<'_>) {}",
        "use loops; use loops::X; fn f() { loops::f() }",
    ] {
        let files = [
            ("lib.rs", A_B),
            ("a.rs", other),
            ("b.rs", "use crate::a;"),
            ("a/tests.rs", "use crate::b;"),
        ];
        assert_eq!(cycles_in(&files), [] as [&str; 0], "{other}");
    }
}

#[test]
fn each_cycle_is_reported_once() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b;"),
        ("b.rs", "use crate::{a, c};"),
        ("c.rs", "use crate::b;"),
    ];
    assert_eq!(cycles_in(&files), ["a -> b, b -> a", "b -> c, c -> b"]);
}

#[test]
fn modules_are_found_where_the_compiler_finds_them() {
    let files = [
        ("bin/tool/main.rs", "mod a;"),
        (
            "bin/tool/a.rs",
            "mod x { mod inner; }\n#[path = \"elsewhere/y.rs\"]\nmod y;",
        ),
        ("bin/tool/a/x/inner.rs", "use crate::a::y::Y;"),
        ("bin/tool/elsewhere/y.rs", "mod below;"),
        ("bin/tool/elsewhere/below.rs", "use crate::a::x;"),
    ];
    assert_eq!(cycles_in(&files), ["a::x -> a::y, a::y -> a::x"]);
}

#[test]
fn each_binary_is_a_tree_of_its_own() {
    let files = [
        ("lib.rs", A_B),
        ("main.rs", A_B),
        ("bin/other.rs", A_B),
        ("a.rs", "use crate::b;"),
        ("b.rs", ""),
        ("bin/a.rs", ""),
        ("bin/b.rs", "use crate::a;"),
    ];
    assert_eq!(cycles_in(&files), [] as [&str; 0]);
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let fails = |files: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        cycles(folder.path()).unwrap_err().to_string()
    };
    assert!(fails(&[]).contains("neither lib.rs nor main.rs"));
    assert!(fails(&[("lib.rs", "mod a;")]).contains("mod.rs"));
    assert!(fails(&[("lib.rs", "mod a { ")]).contains("lib.rs"));
}
