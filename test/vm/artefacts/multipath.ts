/** As `mpathconf --enable` writes it on RHCOS. */
export const multipathConfiguration = 'defaults {\n  user_friendly_names yes\n  find_multipaths yes\n}\n';

/** Joins the paths that are there, and waits until the maps are; the lab's units have multipathd masked. */
export const startMultipath =
  'modprobe -a dm-multipath dm-service-time; udevadm settle; multipathd; until multipathd show status > /dev/null 2>&1; do sleep 0.2; done; udevadm settle';
