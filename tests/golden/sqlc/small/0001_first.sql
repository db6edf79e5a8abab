-- A "quoted" comment stays, tabs	and back\slashes too.
create table t (a int);
