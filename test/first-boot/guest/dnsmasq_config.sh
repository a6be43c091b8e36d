#!/bin/bash
# That of MachineConfig 50-master-dnsmasq-configuration: names of the cluster lead to the node.
. /etc/default/lab_dnsmasq_seed
[ ! -e /etc/default/sno_dnsmasq_configuration_overrides ] || . /etc/default/sno_dnsmasq_configuration_overrides
name=${SNO_CLUSTER_NAME_OVERRIDE:-$SNO_CLUSTER_NAME}
domain=${SNO_BASE_DOMAIN_OVERRIDE:-$SNO_BASE_DOMAIN}
ip=${SNO_DNSMASQ_IP_OVERRIDE:-$SNO_DNSMASQ_IP}
for host in apps api-int api; do
  echo "address=/$host.$name.$domain/$ip"
done > /etc/dnsmasq.d/single-node.conf
