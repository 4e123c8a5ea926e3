#!/bin/bash
# Makes the runs of a study as an array job. Each task takes the runs of its slice, then any others that nobody makes.
# `allconv study submit FILE --slurm --template THIS` fills in what stands between at signs; every other line may be changed.
#SBATCH --job-name=allconv-@study@
#SBATCH --comment=@store@
#SBATCH --array=1-@tasks@@limit@
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=@cpus@
#SBATCH --output=@logs@/%A_%a.log
#SBATCH --open-mode=append
# Two minutes before the time limit the task gets USR1, writes checkpoints within seconds, and queues itself again.
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
@options@
cd @folder@ || exit
# With `exec` the signals reach the program itself.
exec @work@ --slice "$SLURM_ARRAY_TASK_ID/@tasks@" --requeue
