//! Lists of API keys that an endpoint serves.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use http_filter::ConfigError;

use super::tenants;
use crate::fetched::{Fetched, Kind, SealingKey, WrittenSource};
use crate::key_list::KeyList;
use crate::tenants::Tenants;

pub(super) fn read(
    written: BTreeMap<String, WrittenSource>,
    tenants: &Rc<Tenants>,
    sealing_key: Option<&SealingKey>,
) -> Result<Vec<RefCell<Fetched<KeyList>>>, ConfigError> {
    let mut lists = Vec::with_capacity(written.len());
    for (name, source) in written {
        let field = format!("keyLists.{name}");
        let label = tenants::read_name(&name, &field)?;
        let source = source
            .read(Kind::KeyList, label)
            .map_err(|error| ConfigError::new(format!("{field}.{}", error.field), error.reason))?;
        let tenants = Rc::clone(tenants);
        let read = move |json: &[u8]| {
            let list = KeyList::read(json, &tenants)?;
            if list.of_unknown_tenants > 0 {
                let count = list.of_unknown_tenants;
                log::warn!("{field}: {count} keys are of tenants that nobody configured");
            }
            Ok(list)
        };
        let fetched = Fetched::new(source, sealing_key, Box::new(read));
        lists.push(RefCell::new(fetched));
    }
    Ok(lists)
}
