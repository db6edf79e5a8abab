/*
 * main.c — the one binary; commands.def says what it can do.
 */
#include "tools/switchboard/cli.h"

int main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
