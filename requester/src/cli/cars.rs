//! The options for the cars.

use requester::{Arrivals, Cars, Energy, Error, Powers};

/// The options for the cars.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct CarArgs {
    /// Gaps between requests: poisson (random, as cars come) or even (all equal).
    #[arg(long, value_name = "HOW", default_value_t = Arrivals::Poisson, help_heading = "Cars")]
    pub(super) arrivals: Arrivals,

    /// Powers that cars ask for, in kW; several are equally likely. By default 3.7, 7.4, 11, 22 and
    /// 50, most often 11.
    #[arg(long, value_name = "KW", value_delimiter = ',', num_args = 1.., help_heading = "Cars")]
    power_kw: Vec<f64>,

    /// Energy that each car asks for, in kWh: a number, or home, public or work for the amounts
    /// measured there, log-normally distributed. By default that of the profile in a rush hour,
    /// else 11.
    #[arg(long, value_name = "KWH", help_heading = "Cars")]
    energy_kwh: Option<Energy>,

    /// Part of the cars, 0 to 1, that is unplugged before they are full: their sessions are ended
    /// at the substation, after a random part of them. Needs --admin or --substation.
    #[arg(
        long,
        value_name = "PART",
        default_value_t = 0.0,
        help_heading = "Cars"
    )]
    early_unplug: f64,

    /// Part of the requests, 0 to 1, that is malformed, in five ways. The right answer has a 4xx
    /// status.
    #[arg(
        long,
        value_name = "PART",
        default_value_t = 0.0,
        help_heading = "Cars"
    )]
    malformed: f64,
}

impl CarArgs {
    /// The cars. `default` is their energy if no option sets it.
    pub(super) fn cars(&self, default: Energy) -> Result<Cars, Error> {
        let powers_kw = match self.power_kw.as_slice() {
            [] => Powers::default(),
            powers => Powers::even(powers)?,
        };
        Ok(Cars {
            powers_kw,
            energy_kwh: self.energy_kwh.unwrap_or(default),
            malformed: self.malformed,
            early_unplug: self.early_unplug,
        })
    }
}
