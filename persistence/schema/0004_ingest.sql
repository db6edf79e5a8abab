-- Addresses and ids are compared byte by byte: no reader sorts by them, and a language's order cost
-- more than the rest of an index's descent.
alter table wa_message
	alter provider_id type text collate "C",
	alter chat type text collate "C",
	alter sender type text collate "C";
alter table wa_act
	alter chat type text collate "C",
	alter target type text collate "C",
	alter sender type text collate "C";
alter table wa_alias
	alter lid type text collate "C",
	alter pn type text collate "C";

-- An insert locks its lease's row for key share: so an owner's keeping it, which touches no unique
-- index, goes on beside the insert, and a change of the epoch, which now does, waits for its commit.
-- With one lock for both, two transactions of several statements each could wait for each other.
create unique index on lease (name, epoch);
