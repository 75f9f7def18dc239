//! The listener from outside: who is answered, the page that takes an incident, and what its port
//! takes from nobody.

#[path = "web/ack.rs"]
mod ack;
#[path = "web/desk.rs"]
mod desk;
#[path = "web/doors.rs"]
mod doors;
#[path = "web/numbers.rs"]
mod numbers;
