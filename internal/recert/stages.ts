/** The stages of a run, in order, with what they do; what is not asked for is left out. The manual's table is made from this. */
export const stages = {
  open: 'Connect to etcd; repair what a run that was cut off has left',
  renew: 'Read etcd and files, make new keys, certificates and tokens, and check that they fit together',
  rename: 'Give the cluster its new identity',
  'ssh-keys': 'Make new SSH server keys',
  encrypt: 'Lay new keys of the encryption at rest over the plan',
  commit: 'Save the originals, write everything, remove the originals',
  defragment: 'Drop the history of etcd and shrink its file',
} as const;
export type Stage = keyof typeof stages;
