//! Threads that meet at the guards, swaps and wake-ups of the proxy, in every order or in thousands: see the crate.

use switchyard_interleavings::models;

/// Orders that a test tries at random where there are too many to try all.
const ORDERS: usize = 1_000;

#[test]
fn a_drain_ends_with_the_last_guard() {
    // One guard has to be interrupted at one step while the drain goes on to wait: rare if each step is drawn.
    shuttle::check_pct(models::a_drain_ends_with_the_last_guard, ORDERS, 3);
}

#[test]
fn a_drain_that_is_called_off_ends() {
    shuttle::check_random(models::a_drain_that_is_called_off_ends, ORDERS);
}

#[test]
fn a_refused_connection_takes_no_place_from_another() {
    shuttle::check_random(
        models::a_refused_connection_takes_no_place_from_another,
        ORDERS,
    );
}

#[test]
fn no_request_at_work_is_left_out_of_the_count() {
    shuttle::check_random(models::no_request_at_work_is_left_out_of_the_count, ORDERS);
}

#[test]
fn a_refused_buffer_takes_no_room_from_another() {
    shuttle::check_dfs(models::a_refused_buffer_takes_no_room_from_another, None);
}

#[test]
fn a_bucket_lets_its_burst_pass() {
    shuttle::check_random(models::a_bucket_lets_its_burst_pass, ORDERS);
}

#[test]
fn changes_of_what_is_in_force_come_one_after_the_other() {
    shuttle::check_random(
        models::changes_of_what_is_in_force_come_one_after_the_other,
        ORDERS,
    );
}

#[test]
fn no_line_of_the_access_log_waits_for_ever() {
    shuttle::check_random(models::no_line_of_the_access_log_waits_for_ever, ORDERS);
}
