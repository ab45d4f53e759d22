use super::*;

fn record(size_bytes: u64) -> Record {
    Record::new(Kind::Task, Owner::NONE, size_bytes, Duration::ZERO)
}

#[test]
fn an_id_holds_its_three_parts() {
    for (shard, index, generation) in [(0, 0, 1), (15, u32::MAX, GENERATION_MASK), (7, 1 << 31, 9)]
    {
        let id = EntryId::new(shard, index, generation);
        assert_eq!(id.shard(), shard);
        assert_eq!(id.index(), usize::try_from(index).unwrap());
        assert_eq!(id.generation(), generation);
    }
}

#[test]
fn a_slot_is_used_again_under_another_id() {
    let shard = Shard::default();
    let first = shard.insert(3, record(1));
    assert!(shard.remove(first).is_some());
    let second = shard.insert(3, record(2));
    assert_eq!(second.index(), first.index());
    assert_ne!(second, first);
    assert!(shard.remove(first).is_none());
    assert_eq!(shard.read(second, |record| record.size_bytes), Some(2));
    assert_eq!(shard.read(first, |record| record.size_bytes), None);
}

#[test]
fn a_slot_that_has_had_all_generations_is_used_no_more() {
    let shard = Shard::default();
    let first = shard.insert(0, record(1));
    shard.lock().slots[0].generation = GENERATION_MASK - 1;
    let before_last = EntryId::new(0, 0, GENERATION_MASK - 1);
    assert!(shard.remove(first).is_none());
    assert!(shard.remove(before_last).is_some());
    let last = shard.insert(0, record(2));
    assert_eq!((last.index(), last.generation()), (0, GENERATION_MASK));
    assert!(shard.remove(last).is_some());
    let next = shard.insert(0, record(3));
    assert_eq!((next.index(), next.generation()), (1, 1));
    assert!(shard.remove(last).is_none());
    let mut counts = EntryCounts::default();
    shard.add_to(&mut counts);
    assert_eq!(counts.total().entries, 1);
    assert_eq!(counts.total().size_bytes, 3);
}

#[test]
fn a_slot_is_small() {
    // With twice the room that is needed, as after growing, still below 200.
    assert!(size_of::<Slot>() <= 72, "{}", size_of::<Slot>());
}

#[test]
fn all_are_seen_also_where_they_are_many() {
    let shard = Shard::default();
    let count = 2 * SLOTS_AT_ONCE + 1;
    let ids: Vec<EntryId> = (0..count).map(|_| shard.insert(2, record(1))).collect();
    let mut seen = Vec::new();
    shard.each(2, |id, _| seen.push(id));
    assert_eq!(seen, ids);
}
