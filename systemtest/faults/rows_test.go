package faults

// row is one fault: a number that stays, its name in the table, and what breaks, checks and measures it.
type row struct {
	number int
	fault  string
	run    func(*trial)
}

// rows are all faults. Numbers are never used again; those that are missing are faults of parts that do not exist yet, or are held
// by tests elsewhere.
func rows() []row {
	return []row{
		{1, "none: the baseline", baseline},
		{2, "partition leader killed and restarted", killLeaders},
		{3, "all brokers restarted one by one", restartAll},
		{4, "leader hangs (SIGSTOP)", hangLeader},
		{5, "answers to Produce lost after the write", cutAnswers},
		{6, "connections die", killConnections},
		{7, "slow, thin and torn lines", worsenLines},
		{8, "nobody answers", blackHole},
		{9, "all brokers killed", killAll},
		{10, "handshake never ends", silentListener},
		{11, "partitions added, leaders moved", growAndMove},
		{12, "no leader, too few replicas", tooFewReplicas},
		{14, "events the broker refuses", refusedEvents},
		{15, "group coordinator killed", killCoordinator},
		{16, "worker killed while it handles", killWorkers},
		{17, "workers join and leave", rebalanceStorm},
		{18, "handler slower than the session", slowHandler},
		{19, "two workers with one instance id", fencedMember},
		{20, "commits refused", refusedCommits},
		{21, "answers to commits lost", cutCommits},
		{22, "one event stuck", stuckEvent},
		{23, "offset out of range", outOfRange},
		{24, "compacted topic with emptied batches", emptiedBatches},
		{25, "transactions aborted among committed ones", abortedTransactions},
		{30, "poisoned events", poison},
		{31, "decompression and decoding bombs", bombs},
		{32, "hostile schemas in the registry", hostileSchemas},
		{33, "registry gone", registryGone},
		{34, "registry ill", registryIll},
		{35, "unknown schema ids", unknownIDs},
		{36, "schemas evolve", evolution},
		{37, "dead-letter topic gone", deadLetterGone},
		{38, "graceful stop under load", gracefulStop},
		{40, "soak under dying connections", soak},
		{44, "slow worker, fast producer", slowWorker},
		{45, "topic deleted and created again", recreated},
		{46, "answers of a rebalance swallowed", swallowedRounds},
		{47, "coordinator hung (SIGSTOP) inside a rebalance", hungRound},
		{48, "static worker dead between two rounds", deadBetweenRounds},
		{49, "partitions added across a static restart", grownRestart},
		{50, "a broker of unreplicated partitions away", brokerAway},
		{51, "oversize and many-header events", oversize},
		{60, "everything at once", everything},
	}
}
