//! The ledger that charges are booked in: where release 2.0.0 has its bug.

use crate::failure::Exception;

/// Accounts by currency.
#[derive(Debug)]
pub(crate) struct Ledger {
    accounts: Vec<Account>,
}

#[derive(Debug)]
struct Account {
    id: &'static str,
    currency: &'static str,
}

/// A charge was to be booked in an account of another currency.
#[derive(Debug, thiserror::Error)]
#[error(
    "ledger account {account_id} is kept in {account_currency}, charge {charge_id} of {amount_cents} is in {currency}"
)]
pub(crate) struct CurrencyMismatch {
    account_id: &'static str,
    account_currency: &'static str,
    charge_id: String,
    amount_cents: u64,
    currency: String,
}

impl Ledger {
    /// As up to release 1: an account for every currency the shop sells in.
    pub(crate) fn account_per_currency() -> Self {
        Self {
            accounts: vec![
                Account {
                    id: "acc_48210",
                    currency: "EUR",
                },
                Account {
                    id: "acc_48211",
                    currency: "USD",
                },
            ],
        }
    }

    /// As of release 2.0.0, which "consolidated" the accounts and so can't book what isn't in euros.
    pub(crate) fn single_account() -> Self {
        Self {
            accounts: vec![Account {
                id: "acc_48210",
                currency: "EUR",
            }],
        }
    }

    /// Books a charge; the account's id.
    ///
    /// # Errors
    /// When no account is kept in the charge's currency.
    #[inline(never)] // A frame of its own in the stack, whatever the profile.
    pub(crate) fn post(
        &self,
        charge_id: &str,
        amount_cents: u64,
        currency: &str,
    ) -> Result<&'static str, Exception> {
        if let Some(account) = self.accounts.iter().find(|account| account.currency == currency) {
            return Ok(account.id);
        }
        let main = self.accounts.first();
        Err(Exception::capture(&CurrencyMismatch {
            account_id: main.map_or("none", |account| account.id),
            account_currency: main.map_or("none", |account| account.currency),
            charge_id: charge_id.to_owned(),
            amount_cents,
            currency: currency.to_owned(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_single_account_refuses_dollars() {
        assert_eq!(
            Ledger::account_per_currency().post("ch_1", 100, "USD").unwrap(),
            "acc_48211"
        );
        assert_eq!(
            Ledger::single_account().post("ch_1", 100, "EUR").unwrap(),
            "acc_48210"
        );
        assert_eq!(
            Ledger::single_account()
                .post("ch_1", 1_250, "USD")
                .unwrap_err()
                .message(),
            "ledger account acc_48210 is kept in EUR, charge ch_1 of 1250 is in USD"
        );
    }
}
