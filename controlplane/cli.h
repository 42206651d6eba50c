/* The commands of `fama`, one function each; the table in main.c is the command line. Each parses its
 * options, says clearly what went wrong on standard error, and returns an exit code of command.h. */
#ifndef FAMA_CONTROLPLANE_CLI_H
#define FAMA_CONTROLPLANE_CLI_H

int fama_cli_node_start(int argc, char **argv);
int fama_cli_node_status(int argc, char **argv);
int fama_cli_node_clock(int argc, char **argv);
int fama_cli_node_config(int argc, char **argv);
int fama_cli_channel_join(int argc, char **argv);
int fama_cli_channel_list(int argc, char **argv);
int fama_cli_channel_getinfo(int argc, char **argv);
int fama_cli_channel_blocks(int argc, char **argv);
int fama_cli_channel_fetch(int argc, char **argv);
int fama_cli_gossip_members(int argc, char **argv);
int fama_cli_gossip_stats(int argc, char **argv);
int fama_cli_gossip_trust(int argc, char **argv);
int fama_cli_ca_init(int argc, char **argv);
int fama_cli_ca_issue(int argc, char **argv);
int fama_cli_channel_genesis(int argc, char **argv);
int fama_cli_network_create(int argc, char **argv);
int fama_cli_network_up(int argc, char **argv);
int fama_cli_network_down(int argc, char **argv);
int fama_cli_network_status(int argc, char **argv);
int fama_cli_network_wait(int argc, char **argv);
int fama_cli_network_node_kill(int argc, char **argv);
int fama_cli_network_node_start(int argc, char **argv);
int fama_cli_network_switch(int argc, char **argv);
int fama_cli_ledger_replay(int argc, char **argv);
int fama_cli_ledger_verify(int argc, char **argv);
int fama_cli_ledger_rebuild(int argc, char **argv);
int fama_cli_ledger_rollback(int argc, char **argv);
int fama_cli_ledger_export_state(int argc, char **argv);
int fama_cli_ledger_export_block(int argc, char **argv);
int fama_cli_ledger_transaction(int argc, char **argv);
int fama_cli_ledger_history(int argc, char **argv);
int fama_cli_ledger_snapshot_create(int argc, char **argv);
int fama_cli_ledger_snapshot_verify(int argc, char **argv);
int fama_cli_ledger_snapshot_import(int argc, char **argv);

#endif
