//! Stable sorting of lists of any type by one piece of code: std's sort is compiled for each type anew, 7 KB of a wasm module each time.
//! For lists that are short or sorted once; hot loops have std's.

use std::cmp::Ordering;
use std::mem::take;

/// Sorts as [`slice::sort_by`] does.
pub fn sort_by<T>(items: &mut Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
    let mut places: Vec<usize> = (0..items.len()).collect();
    sort_places(&mut places, &|a, b| compare(&items[a], &items[b]));
    let mut old: Vec<Option<T>> = take(items).into_iter().map(Some).collect();
    items.extend(places.into_iter().filter_map(|place| old[place].take()));
}

fn sort_places(places: &mut [usize], compare: &dyn Fn(usize, usize) -> Ordering) {
    places.sort_by(|&a, &b| compare(a, b));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_stay_in_their_order() {
        let mut items = vec![(2, 'a'), (1, 'b'), (2, 'c'), (0, 'd'), (1, 'e')];
        let mut expected = items.clone();
        expected.sort_by_key(|item| item.0);
        sort_by(&mut items, |a, b| a.0.cmp(&b.0));
        assert_eq!(items, expected);
    }
}
